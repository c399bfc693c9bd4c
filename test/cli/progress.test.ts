import { test } from 'tap';
import { startProgress } from '../../src/cli/progress.ts';

/** What the progress of a terminal of that many columns writes. */
function written(columns: number | undefined): string {
  const { stderr } = process;
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
    const progress = startProgress('starting');
    progress.say('canary lock-busted');
    progress.stop();
  } finally {
    Object.assign(stderr, before);
  }
  return text;
}

test('progress is for terminals that have a width', (t) => {
  t.match(written(80), /starting/);
  t.match(written(40), /starting/);
  t.equal(written(0), '');
  t.equal(written(undefined), '');
  t.end();
});
