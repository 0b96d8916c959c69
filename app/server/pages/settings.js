// Error rates, the consent text, collections, cameras, keys.
import { h, field, problem, toast, when, rate, ask } from "./dom.js";
import { call, state } from "./api.js";

const RATES = [0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];
const SCOPES = { detect: "find faces", verify: "check claims", identify: "name faces",
  enroll: "enrol people", admin: "everything, settings and keys too" };

export function settings(main) {
  const may = state.me.scopes.includes("admin");
  const body = h("div");
  main.append(h("h1", {}, "Settings"), h("p", { class: "lead" }, "They hold for everybody who uses this server."), body);

  async function load() {
    try {
      const current = await call("GET", "/settings");
      body.replaceChildren(about(current), collections(await call("GET", "/collections")), rates(current), consent(current), keeping(current), cameras());
      if (may) body.append(keys(await call("GET", "/keys")));
    } catch (error) { body.replaceChildren(problem(error)); }
  }

  const section = (title, ...children) => h("section", { class: "card" }, h("h2", {}, title), children);

  async function change(json) {
    try { await call("PATCH", "/settings", { json }); toast("Saved"); await load(); }
    catch (error) { body.prepend(problem(error)); }
  }

  function about(current) {
    return section("Model", h("p", {}, "New collections use ", h("code", {}, current.model), `; facegate ${current.version}.`),
      h("p", { class: "quiet small" }, current.thresholds.length
        ? `Its thresholds were measured on up to ${Math.max(...current.thresholds.map((t) => t.impostors)).toLocaleString()} pairs of strangers.`
        : "No threshold was measured for it, so nothing is decided."),
      h("p", { class: "quiet small" }, current.presentation_check
        ? `The check ${current.presentation_check} gives a hint where a face looks like a photograph or a screen.`
        : "No check for photographs and screens before the camera runs."));
  }

  function collections({ collections: found }) {
    const select = h("select", { onchange: () => { state.collection = select.value; sessionStorage.setItem("collection", select.value); toast(`The page now shows ${select.value}`); } },
      found.map((entry) => h("option", { value: entry.name }, `${entry.name} (${entry.identities == null ? "cannot be read" : `${entry.identities} people`})`)));
    select.value = state.collection;
    return section("Collection", field("The page shows", select), may ? h("button", { type: "button", onclick: async () => {
      const control = h("input", { maxlength: 40, pattern: "[a-z0-9][a-z0-9\\-]*", required: true });
      const answer = await ask("New collection", "A gallery of its own.", { action: "Make it", fields: [["Name: letters a-z, digits, hyphens", control]] });
      if (!answer) return;
      try { await call("POST", "/collections", { json: { name: answer[0] } }); await load(); }
      catch (error) { body.prepend(problem(error)); }
    } }, "New collection") : null);
  }

  function rates(current) {
    const choice = (value) => {
      const values = RATES.includes(value) ? RATES : [...RATES, value].sort((a, b) => b - a);
      const select = h("select", { disabled: !may }, values.map((v) => h("option", { value: v }, rate(v))));
      select.value = String(value);
      return select;
    };
    const fmr = choice(current.fmr), fpir = choice(current.fpir);
    return section("Error rates", field("Verify: strangers who match, at most", fmr), field("Identify: strangers who get a name, at most", fpir,
      "Stricter means that the right person is turned away more often."),
    may ? h("button", { type: "button", onclick: () => change({ fmr: Number(fmr.value), fpir: Number(fpir.value) }) }, "Save the rates") : null);
  }

  function consent({ consent: current }) {
    const text = h("textarea", { disabled: !may, maxlength: 5000 });
    text.value = current.text;
    const asked = h("input", { type: "checkbox", checked: current.asked, disabled: !may });
    return section("Consent", field(`Text shown before an enrolment with the camera (version ${current.version})`, text),
      h("label", { class: "check" }, asked, "Ask always; where keys exist it is asked in any case"),
      may ? h("button", { type: "button", onclick: () => change({ consent_text: text.value, ask_consent: asked.checked }) }, "Save the consent") : null);
  }

  function keeping(current) {
    const days = h("input", { type: "number", min: 1, max: 1095, value: String(current.keep_days), disabled: !may });
    return section("Keeping", field("Days after their last sample at which people are erased", days,
      "It holds for every collection but default, which belongs to the command line."),
    may ? h("button", { type: "button", onclick: () => change({ keep_days: Number(days.value) }) }, "Save the days") : null);
  }

  function cameras() {
    const list = h("p", { class: "quiet" }, "The browser names cameras after it was allowed to use one.");
    navigator.mediaDevices?.enumerateDevices().then((devices) => {
      const names = devices.filter((device) => device.kind === "videoinput" && device.label).map((device) => device.label);
      if (names.length) list.textContent = names.join(", ");
    }).catch(() => {});
    return section("Cameras", window.isSecureContext ? list
      : h("div", { class: "note warn" }, "This page was opened without HTTPS, so the browser gives it no camera. Open it as http://localhost or put TLS before the server."));
  }

  function keys({ keys: found }) {
    const shown = h("div");
    const rows = found.map((key) => h("tr", {}, h("td", {}, key.name), h("td", {}, key.scopes.join(", ")),
      h("td", { class: "wide" }, key.collection ?? "all"), h("td", { class: "wide" }, key.used ? when(key.used) : "never"),
      h("td", { class: "end" }, h("button", { class: "plain", type: "button", "aria-label": `Revoke ${key.name}`, onclick: async () => {
        if (!await ask(`Revoke ${key.name}?`, "Whatever uses it is shut out at once.", { action: "Revoke", danger: true })) return;
        try { await call("DELETE", `/keys/${key.id}`); await load(); } catch (error) { body.prepend(problem(error)); }
      } }, "Revoke"))));
    return section("API keys", found.length ? h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col" }, "May"),
      h("th", { scope: "col", class: "wide" }, "Collection"), h("th", { scope: "col", class: "wide" }, "Last used"), h("th", { scope: "col", class: "end" }, h("span", { class: "unseen" }, "Revoke")))),
    h("tbody", {}, rows)) : h("p", { class: "quiet" }, "No keys. Programs need one; this page does not."),
    shown, h("p"), h("button", { type: "button", onclick: async () => {
      const name = h("input", { maxlength: 60, required: true });
      const scope = h("select", {}, Object.entries(SCOPES).map(([value, text]) => h("option", { value }, `${value}: ${text}`)));
      const days = h("input", { type: "number", min: 1, max: 3650, value: "365" });
      const answer = await ask("New key", "", { action: "Make it", fields: [["What is it for?", name], ["It may", scope], ["Days until it expires", days]] });
      if (!answer) return;
      try {
        const made = await call("POST", "/keys", { json: { name: answer[0], scopes: [answer[1]], days: Number(answer[2]) || null } });
        await load();
        body.lastElementChild.append(h("div", { class: "note", role: "status" }, h("p", {}, "Copy it now, it is not shown again:"), h("span", { class: "secret" }, made.key)));
      } catch (error) { body.prepend(problem(error)); }
    } }, "New key"));
  }

  load();
  return () => {};
}
