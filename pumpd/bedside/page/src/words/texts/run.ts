import type { Text } from "../say.ts";

export const RUN = {} satisfies Record<string, Text>;
