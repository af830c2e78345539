import type { Text } from "../say.ts";

export const FRAME = {} satisfies Record<string, Text>;
