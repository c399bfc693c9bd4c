/**
 * A hardware handler that a table scripts: `simulated [<microseconds> [<answer>…]]`.
 *
 * Each activation takes so long and ends with the next answer: `ok`, `fail-path`, `bypass-pg` or `retry`; when all are used up,
 * with `ok`. It stands for the handlers of the kernel, which send a command to the array and learn its answer in an interrupt;
 * here a timer's softirq has the answer.
 */
import {
  addTimer,
  defineStruct,
  embed,
  freeTimer,
  type Kernel,
  memory,
  plain,
  type Struct,
  setupTimer,
  Timer,
  timerFunctions,
} from '../../core/device-mapper.ts';
import { defineHardwareHandler, MP_BYPASS_PG, MP_FAIL_PATH, MP_RETRY } from './hardware-handler.ts';
import { Pgpath } from './multipath.ts';
import { dmPgInitComplete } from './pg-init.ts';

const ANSWERS: ReadonlyMap<string, number> = new Map([
  ['ok', 0],
  ['fail-path', MP_FAIL_PATH],
  ['bypass-pg', MP_BYPASS_PG],
  ['retry', MP_RETRY],
]);
const ANSWERS_MAX = 8;
const DELAY_US = 100;

interface Simulated extends Struct {
  delayUs: number;
  /** Words behind the name in the table: 0, 1 for the time, more for answers. */
  argc: number;
  /** Answers that were given. The one activation that is under way owns it. */
  given: number;
  /** The activation under way: its timer and its path. */
  timer: number;
  pgpath: number;
  readonly answers: { readonly word: number };
}

const Simulated = defineStruct<Simulated>('simulated-handler', 'h', 6, {
  delayUs: plain,
  argc: plain,
  given: plain,
  timer: plain,
  pgpath: plain,
  answers: embed(ANSWERS_MAX, (word) => ({ word })),
});

const answerAt = (h: Simulated, place: number): number => memory.words[h.answers.word + place] as number;

function nextAnswer(h: Simulated): number {
  return h.given < h.argc - 1 ? answerAt(h, h.given++) : 0;
}

const SIMULATED_ANSWER = timerFunctions.define('simulated-handler', function* answer(handle): Kernel<void> {
  const h = Simulated.at(handle);
  const pgpath = Pgpath.at(h.pgpath);
  freeTimer(Timer.at(h.timer));
  const said = nextAnswer(h);
  // The last touch of the handler: who waits for the activation may take it apart.
  yield* dmPgInitComplete(pgpath, said);
});

defineHardwareHandler({
  name: 'simulated',

  create(argv) {
    const [time = String(DELAY_US), ...answers] = argv;
    if (!/^\d{1,8}$/.test(time)) return 'simulated hwh: invalid time';
    if (answers.length > ANSWERS_MAX) return 'simulated hwh: too many answers';
    const wrong = answers.find((word) => !ANSWERS.has(word));
    if (wrong !== undefined) return `simulated hwh: invalid answer ${wrong}`;
    const h = Simulated.alloc();
    if (h === null) return 'simulated hwh: cannot allocate context';
    h.delayUs = Number(time);
    h.argc = argv.length;
    answers.forEach((word, place) => {
      memory.words[h.answers.word + place] = ANSWERS.get(word) as number;
    });
    return h.handle;
  },

  destroy: (context) => Simulated.free(Simulated.at(context)),

  *pgInit(context, pgpath, delayUs): Kernel<void> {
    const h = Simulated.at(context);
    h.pgpath = pgpath.handle;
    const timer = setupTimer(SIMULATED_ANSWER, context);
    h.timer = timer.handle;
    yield* addTimer(timer, h.delayUs + delayUs, HERE);
  },

  tableText(context) {
    const h = Simulated.at(context);
    const words = [String(h.delayUs)];
    for (let i = 0; i < h.argc - 1; i++)
      words.push([...ANSWERS].find(([, flags]) => flags === answerAt(h, i))?.[0] as string);
    return words.slice(0, h.argc).join(' ');
  },
});
