// The gateway's limits that a screen needs beforehand. The gateway decides; tests/bedside/test_page_rules.py compares each
// of these with its own.

/** Letters of a reason (AUD-08). */
export const LEAST_REASON = 3;
export const isReason = (text: string): boolean => text.trim().length >= LEAST_REASON;

/** Characters of a reason, and of what a scanner reads. */
export const LONGEST_TEXT = 200;
/** Characters of a tablet's name. */
export const LONGEST_NAME = 60;
/** For which a confirmation may be signed, and for which a wristband counts as checked (STA-02). */
export const CONFIRMATION_S = 60;
/** After a stop, until readings must have shown no flow (STP-03). */
export const STOP_ALARM_S = 3;
/** Before a pause has lasted as long as it may (ALM-17). */
export const PAUSE_NOTICE_S = 120;
/** The most for which the sound of alarms is paused (ALM-05). */
export const AUDIO_PAUSE_S = 120;
/** Without a link for this long, a pause of the sound that was asked for here ends (COM-11). */
export const TABLET_LOST_S = 5;
/** Without a link for this long, while something may flow, the alarm rises (COM-07). */
export const TABLET_GONE_S = 60;
