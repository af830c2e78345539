import type { Text } from "../say.ts";

export const OBSERVE = {} satisfies Record<string, Text>;
