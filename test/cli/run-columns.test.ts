import { test } from 'tap';
import { modelMachine } from '../../src/cli/explore-machine.ts';
import { exploreScenario } from '../../src/cli/explore-scenario.ts';
import { runPicture, wrapped } from '../../src/cli/run-columns.ts';
import { scheduledFinding } from '../../src/cli/scheduled-finding.ts';
import { kernelName } from '../../src/cli/step-words.ts';
import { decisiveStep } from '../../src/explore/decisive.ts';
import { RunRecorder } from '../../src/explore/recorded-run.ts';
import { identityOf } from '../../src/explore/shrink.ts';
import { toEnd } from '../../src/explore/to-end.ts';
import { runCli } from '../support/cli.ts';

const ORDER = {
  scenario: 'interrupted-noflush',
  cpus: 4,
  preset: 'unified',
  bug: 'nf-check-then-queue-unlocked',
  lock: 'tas',
} as const;

async function search() {
  const { finding } = await exploreScenario(
    { ...ORDER, seed: 1, jobs: 1, executions: 5000, seconds: null },
    () => false,
  );
  if (finding === null) throw new Error('nothing is found');
  // To the end: how far it comes in a second depends on how fast the machine is.
  return scheduledFinding(ORDER, finding.choices, { seconds: Infinity, seed: 1, stopped: () => false });
}

let known: ReturnType<typeof search> | null = null;
function found(): ReturnType<typeof search> {
  known ??= search();
  return known;
}

test('a run is drawn in a column for each CPU and one for interrupts, with the kernel names', async (t) => {
  const { trace } = await found();
  const turned = trace.filter((step) => step.turned && step.step < trace.length).map(({ step }) => step);
  t.ok(turned.length > 0);
  const lines = runPicture(trace, { width: 120, actorCpu: 3, decisive: trace.length });
  t.match(lines[0], /^ +CPU 0 +CPU 1 +CPU 2 +interrupts$/);
  const text = lines.join('\n');
  t.match(text, /set\s+NOFLUSH_SUSPENDING\s+in\s+md->flags/);
  t.match(text, /\[irq device on CPU 0\]/);
  t.match(text, /\.\.\. \d+ steps/, 'what does not matter is folded');
  for (const step of turned)
    t.ok(
      lines.some((line) => new RegExp(`^> +${step} `).test(line)),
      `the switch at step ${step} is marked`,
    );
  t.ok(
    lines.some((line) => line.startsWith('* ')),
    'the decisive step is marked',
  );
  t.ok(lines.length < trace.length);
});

test('no line is wider than the terminal, and a narrow one gets one column', async (t) => {
  const { trace } = await found();
  for (const width of [30, 40, 60, 80, 100, 120, 200]) {
    const lines = runPicture(trace, { width, actorCpu: 3, decisive: null });
    const widest = Math.max(...lines.map((line) => line.length));
    t.ok(widest <= width, `${widest} characters on ${width}`);
    t.ok(lines.every((line) => line === line.trimEnd()));
  }
  t.match(runPicture(trace, { width: 40, actorCpu: 3, decisive: null }).join('\n'), /\[CPU 1 suspender\]/);
});

test('text is broken between words, and words that are too long inside', (t) => {
  t.strictSame(wrapped('a bc def', 4), ['a bc', 'def']);
  t.strictSame(wrapped('abcdefgh i', 3), ['abc', 'def', 'gh', 'i']);
  t.strictSame(wrapped('', 3), []);
  t.equal(kernelName('__splitAndProcess'), '__split_and_process');
  t.end();
});

test('random continuations fail more often after the decisive step than before', async (t) => {
  const { choices, run, finding } = await found();
  const recorder = new RunRecorder(modelMachine(ORDER));
  const search = decisiveStep(recorder, { choices, steps: run.steps, identity: identityOf(finding) }, 1);
  const { step, before, after } = toEnd(search);
  t.ok(step > 0 && step <= run.steps);
  t.ok(after > before + 0.1, `${before} before, ${after} after step ${step}`);
});

/** What explore prints about a file of examples/, whose runs are so short that shrinking comes to its end. */
async function printedFor(file: string, out: string): Promise<string> {
  const options = ['--seed', '1', '--jobs', '1', '--shrink-seconds', '60', '--out', out];
  return (await runCli(['explore', `./examples/${file}`, ...options], process.cwd())).stdout;
}

/** The number of the step that is marked in the run, if one is. */
const marked = (stdout: string): string | undefined => /^\* +(\d+) /m.exec(stdout)?.[1];

/** The two sentences about the step that decides, or does most. */
function decisiveWords(stdout: string): { text: string; step: string; growth: number } {
  const [text = '', step = '', before, after] =
    /(?:Step|No single step decides; step) (\d+) .*? Of 200 random continuations (\d+) % fail before it, (\d+) % after it\./.exec(
      stdout.replaceAll(/\s+/g, ' '),
    ) ?? [];
  return { text, step, growth: Number(after) - Number(before) };
}

test('a finding names the step that decides, where one does, and marks it', async (t) => {
  const stdout = await printedFor('01-lost-increment.js', t.testdir());
  const { text, step, growth } = decisiveWords(stdout);
  t.match(text, /^Step \d+ decides: increment/);
  t.ok(growth >= 15, text);
  t.equal(marked(stdout), step);
});

test('where there is little room, what is said of the step that decides goes on beside its mark and not below it', async (t) => {
  const { COLUMNS } = process.env;
  t.teardown(() => {
    if (COLUMNS === undefined) delete process.env['COLUMNS'];
    else process.env['COLUMNS'] = COLUMNS;
  });
  process.env['COLUMNS'] = '36';
  const [said = ''] =
    /^\* Step [\s\S]*? after it\.$/m.exec(await printedFor('01-lost-increment.js', t.testdir())) ?? [];
  const [first = '', ...others] = said.split('\n');
  t.match(first, /^\* Step \d+ decides:/);
  t.ok(others.length > 1, said);
  for (const line of others) t.match(line, /^ {2}\S/);
});

test('a finding says that no single step decides, where the share grows by less than 15 points, and marks none', async (t) => {
  const stdout = await printedFor('03-deadlock.js', t.testdir());
  const { text, growth } = decisiveWords(stdout);
  t.match(text, /^No single step decides; step \d+ does most: mover, /);
  t.ok(growth < 15, text);
  t.equal(marked(stdout), undefined);
});

test('explore prints sentence, places, the run and the command; nothing in colour', async (t) => {
  const { code, stdout } = await runCli(
    ['explore', '--bug', ORDER.bug, '--seed', '1', '--jobs', '1', '--shrink-seconds', '1', '--out', t.testdir()],
    process.cwd(),
  );
  t.equal(code, 1);
  const order = [
    /^lost-bio \(I8\)/m,
    /^CPU +runs +at +holds +waits for$/m,
    /CPU 0 +CPU 1/,
    /^Replay: dmrace replay v1\./m,
  ];
  const places = order.map((pattern) => stdout.search(pattern));
  t.ok(
    places.every((place, i) => place > (places[i - 1] ?? -1)),
    places.join(' '),
  );
  t.notOk(stdout.includes('\u001b'));
});
