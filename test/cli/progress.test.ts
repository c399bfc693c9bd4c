import { test } from 'tap';
import { startProgress, withProgress } from '../../src/cli/progress.ts';

/** What ora takes for a pipe although it is a terminal, if it is there (CI) or says so (TERM=dumb). */
const ASKED = ['CI', 'TERM'] as const;

/** Does work beside a terminal of that many columns, on which lines can be rewritten; gives what is written to it. */
async function written(
  columns: number | undefined,
  work: () => unknown = () => {
    const progress = startProgress('starting');
    progress.say('canary lock-busted');
    progress.stop();
  },
): Promise<string> {
  const { env, stderr } = process;
  const variables = ASKED.map((name) => [name, env[name]] as const);
  delete env['CI'];
  env['TERM'] = 'xterm';
  const before = { isTTY: stderr.isTTY, columns: stderr.columns, write: stderr.write };
  let text = '';
  const write = (chunk: string): boolean => {
    text += chunk;
    if (text.length > 100_000) throw new Error('it writes without end');
    return true;
  };
  const move = (): boolean => write('\u001b[');
  const cursor = { clearLine: move, cursorTo: move, moveCursor: move };
  Object.assign(stderr, { isTTY: columns !== undefined, columns, write, ...cursor });
  try {
    await work();
  } finally {
    Object.assign(stderr, before);
    for (const [name, value] of variables)
      if (value === undefined) delete env[name];
      else env[name] = value;
  }
  return text;
}

test('progress is for terminals that have a width', async (t) => {
  t.match(await written(80), /starting/);
  t.match(await written(40), /starting/);
  t.equal(await written(0), '');
  t.equal(await written(undefined), '');
});

test('progress ends with its work, also when that breaks', async (t) => {
  const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  const before = timers();
  const breaks = async (): Promise<void> => {
    t.equal(timers(), before + 1);
    throw new Error('broken');
  };
  const text = await written(80, () => t.rejects(withProgress('working', breaks), /broken/));
  t.match(text, /working/);
  t.equal(timers(), before);
});
