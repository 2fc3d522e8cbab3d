// Small tools for elements. Whatever comes from the network becomes text, never markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties, attributes (`aria-…`, `role`, `data-…`) and children; strings become text nodes. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== 'role') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets the text of an element only when it differs, so that nothing is read aloud or drawn twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
