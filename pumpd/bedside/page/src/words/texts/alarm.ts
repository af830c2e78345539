import type { Text } from "../say.ts";

export const ALARM = {} satisfies Record<string, Text>;
