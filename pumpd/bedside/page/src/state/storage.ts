// What the browser keeps for this page: the only way to its storage. A browser that blocks storage throws as soon as it
// is named; then a value is kept until the page is closed.

interface Kept {
  get: (name: string) => string | null;
  set: (name: string, value: string) => void;
  remove: (name: string) => void;
}

function kept(storage: () => Storage): Kept {
  const here = new Map<string, string>();
  const tried = <T>(act: (store: Storage) => T): T | null => {
    try {
      return act(storage());
    } catch {
      return null;
    }
  };
  return {
    get: (name) => here.get(name) ?? tried((store) => store.getItem(name)),
    set: (name, value) => {
      here.set(name, value);
      tried((store) => store.setItem(name, value));
    },
    remove: (name) => {
      here.delete(name);
      tried((store) => store.removeItem(name));
    },
  };
}

/** For this tablet, until it is deleted: colours, language. */
export const onTablet = kept(() => localStorage);

/** For this tab, also after a reload: a form that is being filled in. */
export const inTab = kept(() => sessionStorage);
