import type { Text } from "../say.ts";

export const ORDER = {} satisfies Record<string, Text>;
