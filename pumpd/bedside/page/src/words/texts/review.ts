import type { Text } from "../say.ts";

export const REVIEW = {} satisfies Record<string, Text>;
