// The page: sign in, then one view at a time, chosen by the fragment.
import { h, field, problem, announce } from "./dom.js";
import { call, state } from "./api.js";
import { enrol } from "./enrol.js";
import { verify } from "./verify.js";
import { identify } from "./identify.js";
import { gallery } from "./gallery.js";
import { activity } from "./activity.js";
import { settings } from "./settings.js";

const VIEWS = {
  enrol: ["Enrol", enrol, ["enroll"]], verify: ["Verify", verify, ["verify"]],
  identify: ["Identify", identify, ["identify"]], gallery: ["Gallery", gallery, ["enroll"]],
  activity: ["Activity", activity, ["admin"]], settings: ["Settings", settings, []],
};
const main = document.getElementById("main");
const nav = document.getElementById("nav");
const account = document.getElementById("account");
let leave = () => {};

const may = (needed) => !needed.length || state.me.scopes.includes("admin") || needed.some((scope) => state.me.scopes.includes(scope));
const allowed = () => Object.keys(VIEWS).filter((name) => may(VIEWS[name][2]));

function show() {
  if (!state.me) return;
  const wanted = location.hash.replace(/^#\//, "");
  const name = allowed().includes(wanted) ? wanted : allowed()[0];
  leave();
  main.replaceChildren();
  document.title = `${VIEWS[name][0]} · facegate`;
  for (const link of nav.children) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  leave = VIEWS[name][1](main);
  announce(VIEWS[name][0]);
}

async function enter() {
  state.me = await call("GET", "/me");
  state.collection = state.me.collection ?? await remembered();
  nav.hidden = false;
  nav.replaceChildren(...allowed().map((name) => h("a", { href: `#/${name}`, "data-view": name }, VIEWS[name][0])));
  account.replaceChildren(h("button", { class: "plain", type: "button", onclick: async () => {
    await call("POST", "/logout").catch(() => {});
    signIn();
  } }, "Sign out"));
  show();
}

// The collection that this tab showed last, if there still is one of its name.
async function remembered() {
  const name = sessionStorage.getItem("collection") ?? "default";
  if (name === "default") return name;
  const { collections } = await call("GET", "/collections");
  return collections.some((entry) => entry.name === name) ? name : "default";
}

function signIn(error = null) {
  leave();
  leave = () => {};
  state.me = null;
  nav.hidden = true;
  account.replaceChildren();
  document.title = "Sign in · facegate";
  const secret = h("input", { type: "password", autocomplete: "current-password", required: true });
  main.replaceChildren(h("div", { class: "card" }, h("h1", {}, "Sign in"),
    h("p", {}, "Open the link that ", h("code", {}, "facegate serve"), " printed when it started. It works once, within ten minutes."),
    error ? problem(error) : null,
    h("form", { onsubmit: async (event) => { event.preventDefault(); await swap(secret.value.replace(/^.*#login=/, "")); } },
      field("Or paste the link or an API key", secret), h("button", { class: "main" }, "Sign in"))));
}

async function swap(secret) {
  try {
    await call("POST", "/login", { json: { secret } });
    await enter();
  } catch (error) { signIn(error); }
}

async function begin() {
  const login = location.hash.match(/^#login=(.+)$/);
  if (login) {
    // Out of the address and the history at once: it must not be shared with them.
    history.replaceState(null, "", "/#/enrol");
    await swap(login[1]);
    return;
  }
  try { await enter(); } catch (error) { signIn(error.status === 401 ? null : error); }
}

document.addEventListener("signed-out", () => { if (state.me) signIn(); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
window.addEventListener("hashchange", () => { if (location.hash.startsWith("#login=")) begin(); else show(); });
// A photograph that is dropped beside its place must not take the page's place.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
window.addEventListener("pagehide", () => leave());
begin();
