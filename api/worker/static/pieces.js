// Small pieces that all of the page is made of. Text only ever becomes text: nothing is taken for markup.

const SVG = "http://www.w3.org/2000/svg";

// h("button.main", {type: "button", onclick: f}, "text", child, null)
export function h(what, properties = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== ""));
  return element;
}

export function sign(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("sign");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

export function button(kind, text, onclick, { icon = null, ...more } = {}) {
  const classes = kind ? `button.button.${kind}` : "button.button";
  return h(classes, { type: "button", onclick, ...more }, icon && sign(icon), h("span", {}, text));
}

// Put elements into a parent by their data-key: those whose data-mark is unchanged stay, with focus and scroll.
export function arrange(parent, elements) {
  const there = new Map([...parent.children].map((one) => [one.dataset.key, one]));
  const focused = document.activeElement;
  const inside = parent.contains(focused) ? [focused.closest("[data-key]")?.dataset.key, focused.dataset.focus] : null;
  let at = parent.firstElementChild;
  let moved = false;
  for (const made of elements) {
    const old = there.get(made.dataset.key);
    there.delete(made.dataset.key);
    const kept = old && old.dataset.mark === made.dataset.mark ? old : made;
    if (old && kept !== old) {
      if (at === old) at = kept;
      old.replaceWith(kept);
    }
    if (kept === at) at = at.nextElementSibling;
    else {
      parent.insertBefore(kept, at);
      moved = true;
    }
  }
  for (const gone of there.values()) gone.remove();
  if (inside && !parent.contains(document.activeElement)) {
    const card = [...parent.children].find((one) => one.dataset.key === inside[0]);
    const again = card && [...card.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === inside[1]);
    (again ?? card?.querySelector("button") ?? parent.querySelector("button"))?.focus({ preventScroll: true });
  }
  return moved;
}

let hiding = 0;
export function toast(text) {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(hiding);
  hiding = setTimeout(() => {
    place.classList.remove("shown");
    place.textContent = "";
  }, 4000);
}
