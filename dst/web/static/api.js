// The requests that the page makes. Every failure is an ApiError with one line, and the field that it concerns or null.

export class ApiError extends Error {
  constructor(message, field = null, status = 0) {
    super(message);
    this.field = field;
    this.status = status;
  }
}

const GONE = "The server does not answer. Is it still running? What was begun is picked up as soon as it does.";
const listeners = new Set();

/** Calls back with true or false whenever the server starts or stops answering. */
export function onConnection(call) {
  listeners.add(call);
}

export function connected(is) {
  listeners.forEach((call) => call(is));
}

async function request(method, path, { json, body, headers = {}, signal } = {}) {
  const all = { ...headers };
  if (method !== "GET") all["X-DST"] = "1";
  if (json !== undefined) all["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers: all, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    connected(false);
    throw new ApiError(GONE);
  }
  connected(true);
  if (answer.ok) return answer;
  let said = {};
  try {
    said = await answer.json();
  } catch {
    // not JSON: a proxy's own page
  }
  throw new ApiError(said.error || `The server refused this (${answer.status}).`, said.field || null, answer.status);
}

const jsonOf = async (...given) => (await request(...given)).json();

export const config = () => jsonOf("GET", "api/config");
export const jobs = () => jsonOf("GET", "api/jobs");
export const job = (id) => jsonOf("GET", `api/jobs/${id}`);
export const stop = (id) => request("POST", `api/jobs/${id}/stop`);
export const cancel = (id) => request("DELETE", `api/jobs/${id}`);
export const post = (order) => jsonOf("POST", "api/jobs", { json: order });
export const file = (id, name) => `api/jobs/${id}/files/${name}`;

/** Sends a picture; gives its image object. */
export function upload(blob, name) {
  const headers = { "Content-Type": blob.type || "application/octet-stream", "X-Name": encodeURIComponent(name) };
  return jsonOf("POST", "api/images", { body: blob, headers });
}
export const fromLink = (url) => jsonOf("POST", "api/images/link", { json: { url } });
export const fromSample = (id) => jsonOf("POST", "api/images/sample", { json: { id } });

/** Whether a picture is still kept. */
export async function there(image) {
  try {
    await request("GET", image.thumb);
    return true;
  } catch {
    return false;
  }
}

/** A picture made at once: {blob, seconds}. */
async function picture(path, json, signal) {
  const answer = await request("POST", path, { json, signal });
  return { blob: await answer.blob(), seconds: Number(answer.headers.get("X-Seconds")) || null };
}
export const instant = (order, signal) => picture("api/instant", order, signal);
export const caricature = (order, signal) => picture("api/exaggerate", order, signal);
export const warp = (order, signal) => picture("api/warp", order, signal);

export async function pointsText(order) {
  return (await request("POST", "api/points", { json: order })).text();
}
export const readPoints = (order) => jsonOf("POST", "api/points/read", { json: order });

export const ENDED = ["done", "failed", "cancelled", "stopped"];

/**
 * Follows a job to its end: calls `onState` with each state. Where the stream of events breaks, it asks again until the
 * server answers. Gives a function that ends it.
 */
export function follow(id, onState) {
  let source = null;
  let timer = 0;
  let over = false;
  const end = () => {
    over = true;
    clearTimeout(timer);
    source?.close();
  };
  const take = (state) => {
    if (over) return;
    if (ENDED.includes(state.state)) end();
    onState(state);
  };
  const ask = async () => {
    try {
      take(await job(id));
      if (!over) listen();
    } catch (error) {
      if (error.status === 404) take({ id, state: "failed", error: { error: "This result is no longer kept.", field: null } });
      else if (!over) timer = setTimeout(ask, 2000);
    }
  };
  const listen = () => {
    source = new EventSource(`api/jobs/${id}/events`);
    source.onmessage = (event) => {
      connected(true);
      take(JSON.parse(event.data));
    };
    source.onerror = () => {
      source.close();
      if (!over) timer = setTimeout(ask, 500);
    };
  };
  listen();
  return end;
}
