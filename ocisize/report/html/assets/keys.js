// The keyboard on the treemap: arrows choose one of the blocks directly in the open folder, Enter opens it, Escape goes up.

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class MapKeys {
  /** `page` opens directories, marks blocks and describes them; `live` is read out by screen readers. */
  constructor(page, canvas, live) {
    Object.assign(this, { page, canvas, live, chosen: null });
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("focus", () => this.canvas.matches(":focus-visible") && this.choose(this.chosen ?? this.blocks()[0]));
    canvas.addEventListener("blur", () => this.page.leave());
  }

  /** The blocks directly in the open folder, largest first; a chain of folders drawn as one is its last folder. */
  blocks() {
    const { blocks, view } = this.page.treemap;
    const direct = blocks.filter((block) => block.parent === view.directory);
    return [...new Map(direct.map((block) => [`${block.x} ${block.y}`, block])).values()];
  }

  press(event) {
    const blocks = this.blocks();
    if (event.ctrlKey || event.metaKey || event.altKey || !blocks.length) return;
    const chosen = this.chosen ?? blocks[0];
    const { key } = event;
    if (key in DIRECTIONS) this.choose(nextBlock(blocks, chosen, ...DIRECTIONS[key]) ?? chosen);
    else if (key === "Home") this.choose(blocks[0]);
    else if (key === "End") this.choose(blocks.at(-1));
    else if (key === "Enter" || key === " ") this.page.openBlock(chosen);
    else return;
    event.preventDefault();
  }

  choose(block) {
    this.chosen = block ?? null;
    if (!block) return;
    const box = this.canvas.getBoundingClientRect();
    const lines = this.page.describe(block);
    this.page.markBox(block);
    this.page.tip.show(lines, box.left + block.x + Math.min(block.width, 40), box.top + block.y + Math.min(block.height, 24));
    const text = lines.filter(Boolean).join(". ");
    if (this.live.textContent !== text) this.live.textContent = text;
  }

  /** Whether the keyboard has chosen a block. */
  isActive() {
    return this.chosen !== null && document.activeElement === this.canvas;
  }

  /** The treemap was drawn again, with other blocks of the same items. */
  redrawn() {
    const { chosen } = this;
    const same = ({ item }) => item.directory === chosen.item.directory && item.row === chosen.item.row;
    this.chosen = (chosen && this.blocks().find(same)) ?? null;
    if (this.isActive()) this.page.markBox(this.chosen);
  }

  /** After the treemap is drawn again: choose the folder that was left, or the first block. */
  follow(left) {
    const blocks = this.blocks();
    this.chosen = null;
    if (document.activeElement !== this.canvas) return;
    this.choose(blocks.find(({ item }) => item.directory >= 0 && item.directory <= left && left < this.page.model.ends[item.directory]) ?? blocks[0]);
  }
}

/** The nearest block in a direction, by the gap between edges; one beside the row or column is farther, the largest is first. */
function nextBlock(blocks, from, right, down) {
  let best = null;
  let least = Infinity;
  for (const block of blocks) {
    const across = right > 0 ? block.x - from.x - from.width : from.x - block.x - block.width;
    const along = down > 0 ? block.y - from.y - from.height : from.y - block.y - block.height;
    const gap = right ? across : along;
    if (block === from || gap < -2) continue;
    const aside = right
      ? Math.max(from.y - block.y - block.height, block.y - from.y - from.height, 0)
      : Math.max(from.x - block.x - block.width, block.x - from.x - from.width, 0);
    const distance = Math.max(gap, GAP) + 4 * aside;
    if (distance < least) [best, least] = [block, distance];
  }
  return best;
}
