// Build elements; text goes through textContent alone, so a name is never markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, attributes, children);
  return element;
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
}

let lastId = 0;

export function field(label, control, hint) {
  control.id ||= `field-${++lastId}`;
  const note = hint ? h("p", { class: "quiet small", id: `${control.id}-hint` }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, note);
}

export function announce(text) {
  document.getElementById("announce").textContent = text;
}

export function toast(text) {
  const box = h("div", { class: "toast" }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), 7000);
}

export function problem(error) {
  const message = error.message || String(error);
  const hint = error.hint ? ` ${capital(error.hint)}.` : "";
  return h("div", { class: "note bad", role: "alert" }, `${capital(message)}.${hint}`);
}

export function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : "";
}

// Ask in a dialog; resolves to the form's values, or null when it was left.
export function ask(title, text, { action = "OK", danger = false, fields = [] } = {}) {
  return new Promise((resolve) => {
    const form = h("form", { method: "dialog" },
      h("h2", { id: "dialog-title" }, title), text ? h("p", {}, text) : null,
      fields.map(([label, control]) => field(label, control)),
      h("div", { class: "row" },
        h("button", { class: danger ? "danger" : "main", value: "yes" }, action),
        h("button", { value: "", type: "button", onclick: () => dialog.close("") }, "Cancel")));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? fields.map(([, control]) => control.value) : null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export function when(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

export function rate(value) {
  if (value == null) return "an unknown rate";
  if (value >= 0.5) return `${Math.round(value * 100)} in 100`;
  const n = Math.round(1 / value);
  return `1 in ${n.toLocaleString()}`;
}
