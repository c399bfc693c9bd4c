/**
 * Leaves parts out of a round's plan, so that a finding in it can be shown with fewer actors and less to do.
 *
 * Parts are numbered through the whole plan, an actor before what it does: each element of the lists that are named, and each
 * actor that a plan may lack. A set of parts is a number with a bit for each, in a round's name to base 36: `suspend@7.42~k3`.
 */

/** Lists and fields of plans that hold an actor each, in the order in which rounds start them. */
const ACTORS = [
  'fsWriters',
  'bioWriters',
  'flusher',
  'freezer',
  'submitters',
  'suspenders',
  'signaller',
  'operator',
] as const;
/** Actors that no round can lack, but that can do less. */
const STAYS = ['administrator', 'faults'] as const;
/** Lists inside actors. */
const DEEDS = ['ios', 'cycles', 'signals', 'actions', 'list'] as const;

export interface RoundPart {
  /** Which actor of the round it is, or null: something that an actor does. */
  readonly actor: number | null;
}

type Plan = Readonly<Record<string, unknown>>;

/** Walks a plan; `keeps` is asked for each part and says whether it stays. */
function walk(plan: Plan, keeps: (isActor: boolean) => boolean): Plan {
  const result: Record<string, unknown> = { ...plan };
  const less = (actor: unknown): unknown => {
    const own: Record<string, unknown> = { ...(actor as Plan) };
    for (const key of DEEDS) if (Array.isArray(own[key])) own[key] = own[key].filter(() => keeps(false));
    return own;
  };
  // Parts of an actor that is left out are numbered all the same.
  const visit = (actor: unknown): unknown[] => {
    const stays = keeps(true);
    const lessened = less(actor);
    return stays ? [lessened] : [];
  };
  for (const key of ACTORS) {
    const value = plan[key];
    if (Array.isArray(value)) result[key] = value.flatMap(visit);
    else if (value !== undefined && value !== null) result[key] = visit(value)[0] ?? null;
  }
  for (const key of STAYS) if (plan[key] !== undefined) result[key] = less(plan[key]);
  return result;
}

/** The parts of a plan, by number. */
export function partsOf(plan: object): RoundPart[] {
  const parts: RoundPart[] = [];
  let actors = 0;
  walk(plan as Plan, (isActor) => {
    parts.push({ actor: isActor ? actors++ : null });
    return true;
  });
  return parts;
}

/** The plan without these parts. */
export function leaveOut<T extends object>(plan: T, without: bigint): T {
  let number = 0n;
  return walk(plan as Plan, () => ((without >> number++) & 1n) === 0n) as T;
}

/** In a round's name: its actors are dealt out to other CPUs (shuffled.ts). */
export const SHUFFLED = 's';

/** What a round is called: `SUITE@SEED.ROUND`, and `~PARTS` if some are left out. */
export const roundName = (suite: string, seed: number, round: number | string, without: bigint): string =>
  `${suite}@${seed}.${round}${without === 0n ? '' : `~${without.toString(36)}`}`;
