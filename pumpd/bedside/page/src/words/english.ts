/** The English texts in the order of their numbers, in the built page (languages.mjs). Null where the sources run. */
export const ENGLISH: readonly string[] | null = null as readonly string[] | null;
