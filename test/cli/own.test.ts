/**
 * Scenarios of one's own: what is offered to write them with, what is said about mistakes in them, and how they are searched.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'tap';
import { check, explore, FindingError } from '../../src/cli/own-search.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { here, named, siteText } from '../../src/machine/site.ts';
import { defineScenario, type Parts } from '../../src/scenarios/own/define.ts';
import { assert, type World } from '../../src/scenarios/own/world.ts';
import { runCli } from '../support/cli.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
let count = 0;

/** A scenario with a name that no other has. */
const scenario = (build: (world: World) => Parts, options = {}) => defineScenario(`own-${count++}`, build, options);

/** Two who add one to a word without a lock. */
const lossy = ({ word }: World): Parts => {
  const sum = word('sum');
  function* increment(): Kernel<void> {
    yield* sum.write((yield* sum.read()) + 1);
  }
  return {
    actors: [increment, increment],
    *verify(): Kernel<void> {
      assert((yield* sum.read()) === 2, 'an increment is lost');
    },
  };
};

test('check throws the text of the finding, and nothing when there is none', async (t) => {
  const error = await check(scenario(lossy), { executions: 1000 }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  t.ok(error instanceof FindingError);
  if (!(error instanceof FindingError)) return;
  t.match(error.message, /^assertion: an increment is lost\n/);
  t.match(error.message, /at verify \(dist\/test\/cli\/own\.test\.js:\d+\)/, 'it says where');
  t.equal(error.finding.kind, 'assertion');
  await check(
    scenario(({ word }) => {
      const sum = word('sum');
      const add = () => sum.add(1);
      return { actors: [add, add] };
    }),
    { executions: 200 },
  );
});

test('the same search finds the same thing, and another seed another run', async (t) => {
  const search = (seed: number) => explore(scenario(lossy), { executions: 1000, seed });
  const [one, two] = [await search(7), await search(7)];
  t.equal(one.executions, two.executions);
  t.equal(one.steps, two.steps);
  const steps = new Set<number>();
  for (let seed = 1; seed < 9; seed++) steps.add((await search(seed)).executions);
  t.ok(steps.size > 1);
});

test('a finding has what people read, not what its run chose', async (t) => {
  const { finding } = await explore(scenario(lossy), { executions: 1000 });
  t.same(Object.keys(finding ?? {}), ['kind', 'invariant', 'message', 'site', 'places']);
});

test('the text says in which execution a finding was, as the search counts them', async (t) => {
  const { text, executions } = await explore(scenario(lossy), { executions: 1000 });
  t.ok(text.includes(`found in execution ${executions} of `), text);
});

test('what cannot be searched is refused', async (t) => {
  const counts = ({ word }: World): Parts => {
    const sum = word('sum');
    return { actors: [() => sum.add(1)] };
  };
  // Else the search would be one of dmrace's own scenario, and find nothing.
  await t.rejects(check(defineScenario('drain', counts)), { message: /dmrace has a scenario 'drain'/ });
  await t.rejects(check(defineScenario('nf-merge-order-tail', counts)), { message: /a bug of dmrace/ });
  const wrong = (options: object) => explore(scenario(counts), { executions: 9, ...options });
  await t.rejects(wrong({ executions: 2.5 }), { message: 'executions is 2.5; it must be a whole number.' });
  await t.rejects(wrong({ budget: { signal: 1 } }), { message: /no kind 'signal'; there are signals, wakeups/ });
  await t.rejects(wrong({ budget: { signals: 10 } }), {
    message: /signals: 10; it must be a whole number from 0 to 9/,
  });
  await t.rejects(wrong({ bug: 'nf-check-then-queue-unlocked', preset: '2.6.33' }), {
    message: /cannot be in preset '2.6.33'/,
  });
  t.equal((await wrong({ bug: 'interrupted-suspend-limbo' })).finding, null, 'a bug comes with its preset');
});

test('searches that are asked for at once do not disturb each other', async (t) => {
  const many = ({ words, mutex }: World): Parts => {
    const [first] = words('some', 40, 7) as [ReturnType<World['word']>];
    const lock = mutex('lock');
    function* write(): Kernel<void> {
      yield* lock.lock();
      yield* first.write(1);
      yield* lock.unlock();
    }
    return { actors: [write, write, write, write], outcome: () => String(first.value) };
  };
  const programs = [scenario(exclusive(GUARDS['spinLock'] as never)), scenario(many), scenario(lossy)];
  const told = (each: Awaited<ReturnType<typeof explore>>) => [each.executions, each.steps, each.text];
  const one = (each: (typeof programs)[number]) => explore(each, { executions: 300 }).then(told);
  const alone: unknown[] = [];
  for (const each of programs) alone.push(await one(each));
  t.strictSame(await Promise.all(programs.map(one)), alone);
});

// ---- What can be shared. ----

/** All that `guarded` guards: two CPUs of whom each is alone in there. */
const exclusive =
  (guard: (world: World) => { enter(): Kernel<void>; leave(): Kernel<void> }) =>
  (world: World): Parts => {
    const inside = world.word('inside');
    const { enter, leave } = guard(world);
    function* visit(): Kernel<void> {
      yield* enter();
      assert((yield* inside.add(1)) === 0, 'two are inside');
      yield* inside.add(-1);
      yield* leave();
    }
    return { actors: [visit, visit] };
  };

const GUARDS: Readonly<Record<string, (world: World) => { enter(): Kernel<void>; leave(): Kernel<void> }>> = {
  spinLock({ spinLock }) {
    const lock = spinLock('lock');
    return { enter: () => lock.lock(), leave: () => lock.unlock() };
  },
  mutex({ mutex }) {
    const lock = mutex('lock');
    return { enter: () => lock.lock(), leave: () => lock.unlock() };
  },
  rwLock({ rwLock }) {
    const lock = rwLock('lock');
    return { enter: () => lock.lock(), leave: () => lock.unlock() };
  },
  rwSemaphore({ rwSemaphore }) {
    const lock = rwSemaphore('lock');
    return { enter: () => lock.lock(), leave: () => lock.unlock() };
  },
  semaphore({ semaphore }) {
    const units = semaphore('units', 1);
    return { enter: () => units.down(), leave: () => units.up() };
  },
  completion({ completion, word }) {
    const done = completion('done');
    const first = word('first');
    // The first one goes straight in; the other one waits until it has left.
    return {
      *enter() {
        if ((yield* first.exchange(1)) === 1) yield* done.wait();
      },
      leave: () => done.complete(),
    };
  },
  waitQueue({ waitQueue, word }) {
    const queue = waitQueue('queue');
    const taken = word('taken');
    return {
      *enter() {
        while ((yield* taken.cmpxchg(0, 1)) !== 0)
          yield* queue.waitEvent(function* () {
            return (yield* taken.read()) === 0 ? 1 : 0;
          });
      },
      *leave() {
        yield* taken.write(0);
        yield* queue.wakeUpAll();
      },
    };
  },
};

for (const [name, guard] of Object.entries(GUARDS)) {
  test(`${name} lets one in at a time`, async (t) => {
    t.equal((await explore(scenario(exclusive(guard)), { executions: 1500 })).text, '');
  });
}

test('without a guard two are inside', async (t) => {
  const open = { enter: function* (): Kernel<void> {}, leave: function* (): Kernel<void> {} };
  t.match((await explore(scenario(exclusive(() => open)), { executions: 1500 })).text, /two are inside/);
});

test('readers share, also those of whom there is only one kind', async (t) => {
  for (const kind of ['rwLock', 'rwSemaphore'] as const) {
    const shared = scenario((world) => {
      const lock = world[kind]('lock');
      const inside = world.word('inside');
      const most = world.word('most');
      function* read(): Kernel<void> {
        yield* lock.lockShared();
        const before = yield* inside.add(1);
        if (before === 1) yield* most.write(2);
        yield* inside.add(-1);
        yield* lock.unlockShared();
      }
      return { actors: [read, read], outcome: () => String(most.value) };
    });
    t.strictSame([...(await explore(shared, { executions: 1000 })).outcomes.keys()].sort(), ['0', '2'], kind);
  }
});

test('words begin with what they are given, and a scenario may leave something open', async (t) => {
  const open = scenario(({ words, word, choose }) => {
    const [a, b] = words('pair', 2, 5);
    const chosen = word('chosen');
    return {
      actors: [
        function* run(): Kernel<void> {
          yield* a!.and(4);
          yield* b!.or(2);
          yield* chosen.write(yield* choose(3));
        },
      ],
      outcome: () => `${a!.value} ${b!.value} ${chosen.value}`,
    };
  });
  const seen = await explore(open, { strategy: 'dpor', executions: 100 });
  t.strictSame([...seen.outcomes.keys()].sort(), ['4 7 0', '4 7 1', '4 7 2']);
  t.ok(seen.exhaustive);
});

// ---- Mistakes. ----

/** The same methods, as one sees them who does not know that they want a star. */
const starless = (object: unknown) =>
  object as Readonly<Record<string, (value?: number) => void>> & {
    write(value: number): void;
    unlock(): void;
    raise(): void;
  };

test('a call without its star is named, with its place', async (t) => {
  const forgetful = scenario(({ word }) => {
    const flag = word('flag');
    return {
      actors: [
        function* raise(): Kernel<void> {
          starless(flag).write(1);
          yield* flag.read();
        },
      ],
    };
  });
  const { text } = await explore(forgetful, { executions: 10 });
  t.match(text, /flag\.write\(\) has no star, so it never ran: write yield\* flag\.write\(\)/);
  t.match(text, /at raise \(dist\/test\/cli\/own\.test\.js/);
});

test('a call without its star as the last thing that an actor does is named too', async (t) => {
  const forgetful = scenario(({ word, spinLock }) => {
    const flag = word('flag');
    const lock = spinLock('lock');
    return {
      actors: [
        function* raise(): Kernel<void> {
          yield* lock.lock();
          yield* flag.write(1);
          starless(lock).unlock();
        },
      ],
    };
  });
  t.match((await explore(forgetful, { executions: 10 })).text, /lock\.unlock\(\) has no star/);
});

test('an actor that calls a function of its own without a star is noticed, since it never does anything', async (t) => {
  const forgetful = scenario(({ word }) => {
    const flag = word('flag');
    function* raise(): Kernel<void> {
      yield* flag.write(1);
    }
    return {
      actors: [
        raise,
        function* forgets(): Kernel<void> {
          starless({ raise }).raise();
        },
      ],
    };
  });
  t.match((await explore(forgetful, { executions: 100 })).text, /forgets makes no operation in any of 16 runs/);
});

test('a plain function in the place of an actor, a scenario without actors, and a bad name are refused', async (t) => {
  const plain = scenario(() => ({ actors: [(() => {}) as unknown as () => Kernel<void>] }));
  t.match((await explore(plain, { executions: 10 })).text, /is no generator: write function\*/);
  t.throws(() => scenario(() => ({ actors: [] })).cpus, /has no actors/);
  t.throws(() => defineScenario('a name', lossy), /cannot be called 'a name'/);
  defineScenario('taken', lossy);
  t.throws(() => defineScenario('taken', lossy), /There is a scenario 'taken' already/);
});

test('what any library throws in an actor is a finding', async (t) => {
  const thrower = scenario(({ word }) => {
    const flag = word('flag');
    return {
      actors: [
        function* run(): Kernel<void> {
          yield* flag.write(1);
          throw new RangeError('flag is too high');
        },
      ],
    };
  });
  t.match((await explore(thrower, { executions: 10 })).text, /^assertion: RangeError: flag is too high/);
});

test('an outcome that is not allowed is a finding', async (t) => {
  const parts = (world: World): Parts => {
    const { verify: _, ...rest } = lossy(world);
    const sum = world.word('other');
    return { ...rest, outcome: () => `other ${sum.value}` };
  };
  t.equal((await explore(scenario(parts, { outcomes: ['other 0'] }), { executions: 100 })).text, '');
  t.match((await explore(scenario(parts, { outcomes: ['other 1'] }), { executions: 100 })).text, /allowed are other 1/);
});

test('wrong options are refused in one sentence', async (t) => {
  const quiet = scenario(lossy);
  await t.rejects(explore(quiet, { seconds: 1, executions: 1 }), /exclude each other/);
  await t.rejects(explore(quiet, { executions: 0 }), /must be above 0/);
  await t.rejects(explore(quiet, { strategy: 'guess' as 'walk' }), /There is no strategy 'guess'; there are portfolio/);
  await t.rejects(
    explore(quiet, { strategy: 'dpor', budget: { timers: 0 } }),
    /The strategy 'dpor' has no limit for interrupts and timers; 'bounded' has/,
  );
});

test('a place is looked for only when a finding is told again', async (t) => {
  t.equal(here(), 0);
  t.equal(siteText(named('the slow path')), 'the slow path');
  t.equal(named('the slow path'), named('the slow path'));
});

// ---- Other test runners. ----

test("check fails a test of node's own runner with the text of the finding, and only where there is one", async (t) => {
  const args = ['--test', '--test-reporter=tap', 'test/fixtures/checked-in-node-test.js'];
  // This runner's own loaders are not the other one's business.
  const env = { ...process.env, NODE_OPTIONS: '' };
  const run = promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
  const { code, stdout } = await run.then(
    (ended) => ({ ...ended, code: 0 }),
    (error: { code: number; stdout: string }) => error,
  );
  t.equal(code, 1);
  t.match(stdout, /^ *ok 1 - with its lock$/m);
  t.match(stdout, /^ *not ok 2 - without its lock$/m);
  t.match(stdout, /assertion: an increment is lost\n/);
  t.match(stdout, /at verify \(test\/fixtures\/own-scenarios\.js:16\)/);
  t.match(stdout, /found in execution \d+ of /);
});

// ---- The command line. ----

const FILE = 'test/fixtures/own-scenarios.js';

test('the command line explores a file, or one of its scenarios', async (t) => {
  const found = await runCli(
    ['explore', `${FILE}#unlocked`, '--seed', '1', '--executions', '1000', '--jobs', '1'],
    ROOT,
  );
  t.equal(found.code, 1, found.stderr);
  t.match(found.stdout, /assertion: an increment is lost/);
  t.match(found.stdout, /verify \(test\/fixtures\/own-scenarios\.js:16\)/);
  const quiet = await runCli(
    ['explore', './test/fixtures/own-scenario.js', '--seed', '1', '--executions', '500'],
    ROOT,
  );
  t.equal(quiet.code, 0, quiet.stderr);
  t.match(quiet.stdout, /flag 1/);
});

test('a file is explored by several threads with the same result', async (t) => {
  const run = (jobs: string) =>
    runCli(['explore', `${FILE}#locked`, '--seed', '3', '--executions', '3000', '--jobs', jobs, '--json'], ROOT);
  const [one, two] = await Promise.all([run('1'), run('2')]);
  const hash = (stdout: string): string => (JSON.parse(stdout) as { traceHash: string }).traceHash;
  t.equal(two.code, 0, two.stderr);
  t.equal(hash(one.stdout), hash(two.stdout));
});

test('the command line says what is wrong with a file', async (t) => {
  const complaint = async (name: string): Promise<string> => {
    const { code, stderr } = await runCli(['explore', name, '--executions', '1'], ROOT);
    t.equal(code, 2);
    return stderr;
  };
  t.match(await complaint('./nowhere.js'), /There is no file '\.\/nowhere\.js'\./);
  t.match(await complaint(FILE), /defines unlocked, locked; name one of them as .*#unlocked/);
  t.match(await complaint(`${FILE}#other`), /defines no scenario 'other'; it defines unlocked, locked/);
  t.match(await complaint('./scripts/tally.mjs'), /defines no scenario|cannot be loaded/);
  t.match(await complaint('test/fixtures/taken-name.js'), /dmrace has a scenario 'drain'; give this one another name/);
});

test('several scenarios of one file are explored', async (t) => {
  const both = [`${FILE}#locked`, `./${FILE}#unlocked`, `${FILE}#locked`];
  const { code, stdout, stderr } = await runCli(['explore', ...both, '--executions', '300', '--json'], ROOT);
  t.equal(code, 1, stderr);
  const { scenarios } = JSON.parse(stdout) as { scenarios: { scenario: string }[] };
  t.same(
    scenarios.map(({ scenario: name }) => name),
    ['locked', 'unlocked', 'locked'],
  );
});

test('a schedule needs the file of its scenario', async (t) => {
  const out = t.testdir();
  const search = ['explore', `${FILE}#unlocked`, '--seed', '1', '--shrink-seconds', '0', '--out', out, '--json'];
  const { findings } = JSON.parse((await runCli(search, ROOT)).stdout) as { findings: { schedule: string }[] };
  const schedule = findings[0]?.schedule ?? '';
  const replayed = (...args: string[]) => runCli(['replay', ...args], ROOT);
  for (const own of [FILE, `${FILE}#unlocked`]) t.equal((await replayed(schedule, '--own', own)).code, 1);
  t.equal((await replayed(` ${schedule}\n`, '--own', FILE)).code, 1, 'as it was pasted');
  const lost = await replayed(schedule, '--own', 'nowhere.js');
  t.equal(lost.code, 2);
  t.equal(lost.stderr, "dmrace: There is no file 'nowhere.js'.\n");
  const alone = await replayed(schedule);
  t.equal(alone.code, 2);
  t.match(alone.stderr, /name its file with --own/);
});

test('what breaks a thread ends the search', async (t) => {
  const { code, stderr } = await runCli(
    ['explore', 'test/fixtures/in-main-thread-only.js', '--seconds', '60', '--jobs', '3'],
    ROOT,
  );
  t.equal(code, 3);
  t.match(stderr, /the harness broke: .*cannot be loaded: only in the main thread/);
});
