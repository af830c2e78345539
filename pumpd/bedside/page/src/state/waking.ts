// A clock that counts sleep too. On some tablets performance.now() stops while they sleep, and old values would pass for
// fresh afterwards. Date.now() advances, but may be set forward by an hour. So this follows performance.now(), and adds the
// time by which the wall clock got ahead, but never more at once than makes everything on the screen old.

const NOTICED_MS = 1500;
const MOST_MS = 20_000;

export class WakingClock {
  #slept = 0;
  #monotonic: number;
  #wall: number;

  constructor(monotonic: number, wall: number) {
    this.#monotonic = monotonic;
    this.#wall = wall;
  }

  /** The instant in ms; never goes back. */
  at(monotonic: number, wall: number): number {
    const ahead = wall - this.#wall - (monotonic - this.#monotonic);
    if (ahead > NOTICED_MS) this.#slept += Math.min(ahead, MOST_MS);
    this.#monotonic = monotonic;
    this.#wall = wall;
    return monotonic + this.#slept;
  }
}
