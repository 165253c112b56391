// What a tab knows, in one place: parts subscribe to the names they show.

/** A store of named values: get(), set({name: value}), on(["name"], call); calls are made after a set, once each. */
export function store(initial) {
  const state = { ...initial };
  const subscribers = [];
  return {
    get: () => state,
    set(changes) {
      const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
      Object.assign(state, changes);
      for (const { names, call } of subscribers) {
        if (names.some((name) => changed.includes(name))) call(state);
      }
    },
    on(names, call) {
      subscribers.push({ names, call });
      call(state);
    },
  };
}
