// What is wrong with the text of a page as a reader sees it: [text, colour, background, contrast] of all that is below 4.5.
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3])).concat(1);
  const background = (element) => {
    const layers = [];
    for (let own = element; own; own = own.parentElement) {
      const colour = parsed(getComputedStyle(own).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([red, green, blue]) => {
    const linear = [red, green, blue].map((part) => part / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((left, right) => right - left);
    return (high + 0.05) / (low + 0.05);
  };
  const checked = [], bad = [];
  const look = (element, text, pseudo) => {
    const style = getComputedStyle(element, pseudo);
    const behind = background(element);
    const svg = element instanceof SVGElement;
    const colour = parsed(svg ? style.fill : style.color);
    let opacity = colour[3];
    for (let own = element; own; own = own.parentElement) opacity *= parseFloat(getComputedStyle(own).opacity);
    const ratio = contrast(over([...colour.slice(0, 3), opacity], behind), behind);
    checked.push(text);
    if (ratio < 4.5) bad.push([text.slice(0, 60), element.tagName, svg ? style.fill : style.color, String(behind.slice(0, 3)), Math.round(ratio * 100) / 100]);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, text = texts.currentNode.textContent.trim();
    if (!text || ["SCRIPT", "STYLE"].includes(element.tagName) || !element.checkVisibility()) continue;
    if (element.closest(".modebar") || (element instanceof SVGElement && !element.closest("text"))) continue;
    look(element, text, null);
  }
  document.querySelectorAll("input[placeholder]").forEach((input) => look(input, input.placeholder, "::placeholder"));
  return { checked: checked.length, bad };
}
