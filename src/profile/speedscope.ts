/**
 * Wait time by site as a speedscope file: from the place that waited to the lock and to the one who had it.
 */
import type { LockStat } from './report.ts';

const SCHEMA = 'https://www.speedscope.app/file-format-schema.json';

interface Frame {
  readonly name: string;
  readonly file?: string;
  readonly line?: number;
}

interface SampledProfile {
  readonly type: 'sampled';
  readonly name: string;
  readonly unit: 'nanoseconds';
  readonly startValue: number;
  readonly endValue: number;
  /** Frames of each sample, the outermost first. */
  readonly samples: readonly (readonly number[])[];
  readonly weights: readonly number[];
}

export interface SpeedscopeFile {
  readonly $schema: typeof SCHEMA;
  readonly name: string;
  readonly exporter: string;
  readonly activeProfileIndex: number;
  readonly shared: { readonly frames: readonly Frame[] };
  readonly profiles: readonly SampledProfile[];
}

/** `dmRequest (core/submit.ts:59)` with its file and line apart. */
function siteFrame(site: string): Frame {
  const match = /^(.*) \((.+):(\d+)\)$/.exec(site);
  if (match === null) return { name: site };
  return { name: site, file: match[2] as string, line: Number(match[3]) };
}

class Frames {
  readonly list: Frame[] = [];
  readonly #numbers = new Map<string, number>();

  number(frame: Frame): number {
    const known = this.#numbers.get(frame.name);
    if (known !== undefined) return known;
    const number = this.list.push(frame) - 1;
    this.#numbers.set(frame.name, number);
    return number;
  }
}

export function speedscopeFile(name: string, exporter: string, locks: readonly LockStat[]): SpeedscopeFile {
  const frames = new Frames();
  const samples: number[][] = [];
  const weights: number[] = [];
  for (const lock of locks)
    for (const edge of lock.blame) {
      const what = lock.mode === 'read' ? `${lock.class}, for reading` : lock.class;
      samples.push([
        frames.number(siteFrame(edge.waiterSite)),
        frames.number({ name: `waits for ${what}` }),
        frames.number({ name: `held by ${edge.holder}, taken in ${edge.holderSite}` }),
      ]);
      weights.push(edge.waitNs);
    }
  const endValue = weights.reduce((sum, weight) => sum + weight, 0);
  const profile = { type: 'sampled', name: 'wait time by site', unit: 'nanoseconds', startValue: 0 } as const;
  return {
    $schema: SCHEMA,
    name,
    exporter,
    activeProfileIndex: 0,
    shared: { frames: frames.list },
    profiles: [{ ...profile, endValue, samples, weights }],
  };
}
