import type { Text } from "../say.ts";

export const PAIR = {} satisfies Record<string, Text>;
