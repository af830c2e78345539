import type { Text } from "../say.ts";

export const HELP = {} satisfies Record<string, Text>;
