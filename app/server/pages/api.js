// Every request of the page; errors carry the envelope's code, message and hint.

export class ApiError extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.hint = error.hint;
  }
}

export const state = { collection: "default", me: null };

export function here(path = "") {
  return `/collections/${state.collection}${path}`;
}

export async function call(method, path, { body, json, form, headers = {}, query } = {}) {
  const address = new URL(`/api/v1${path}`, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) address.searchParams.set(name, value);
  const options = { method, headers: { ...headers }, credentials: "same-origin" };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  } else if (form) options.body = form;
  else if (body) {
    options.body = body;
    options.headers["Content-Type"] = body.type || "application/octet-stream";
  }
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new ApiError(0, { code: "offline", message: "the server does not answer",
      hint: "see whether facegate serve still runs, then try again" });
  }
  if (answer.status === 204) return null;
  if (!answer.ok) {
    let error = { code: "bug", message: `the server answered ${answer.status}`, hint: "" };
    try { error = (await answer.json()).error; } catch { /* not ours: a proxy's page */ }
    if (answer.status === 401 && path !== "/login") {
      document.dispatchEvent(new CustomEvent("signed-out"));
    }
    throw new ApiError(answer.status, error);
  }
  return answer.json();
}
