/**
 * Which nodes of a network reach which directly. Nodes are their places in
 * `SimNetwork.nodes`. A link between two nodes works in both directions or in one.
 * A path is made of links that work both ways, since a node needs answers.
 */
export class Topology {
  /** What it looks like, such as "line". */
  readonly shape: string;
  /** Nodes that it has. A node of a greater index reaches no other, and is reached by none. */
  readonly nodes: number;
  /** Whether a datagram of the first node arrives at the second: place from × nodes + to. */
  private readonly matrix: Uint8Array;
  /** Neighbours of each node; undefined after a change. */
  private lists: Uint16Array[] | undefined;

  /**
   * @param nodes 1 to 65,535; it takes nodes × nodes bytes
   * @param isLink whether datagrams of the first node arrive at the second; asked for all that differ
   */
  constructor(shape: string, nodes: number, isLink: (from: number, to: number) => boolean) {
    this.shape = shape;
    this.nodes = nodes;
    this.matrix = new Uint8Array(nodes * nodes);
    this.relink(isLink);
  }

  /** Whether datagrams of one node arrive at another directly. A node always reaches itself. */
  reaches(from: number, to: number): boolean {
    if (from === to) return true;
    return from < this.nodes && to < this.nodes && this.matrix[from * this.nodes + to] === 1;
  }

  /** Opens or closes one direction of a link. */
  set(from: number, to: number, isOpen: boolean): void {
    this.matrix[from * this.nodes + to] = isOpen ? 1 : 0;
    this.lists = undefined;
  }

  /** The nodes that a node reaches and that reach it, in ascending order. */
  neighbours(node: number): ArrayLike<number> & Iterable<number> {
    this.lists ??= Array.from({ length: this.nodes }, (_, from) => this.neighboursOf(from));
    return this.lists[node] ?? [];
  }

  /** Pairs of nodes of which at least one reaches the other. */
  get links(): number { return this.countPairs((there, back) => there || back); }
  /** Of these, the ones of which only one reaches the other. */
  get oneWayLinks(): number { return this.countPairs((there, back) => there !== back); }

  /**
   * Links from one node to each other on the shortest path.
   *
   * @param isOn whether a node passes anything on; all do by default
   * @returns -1 for nodes without a path
   */
  distances(from: number, isOn: (node: number) => boolean = () => true): Int32Array {
    const found = new Int32Array(this.nodes).fill(-1);
    found[from] = 0;
    const queue = [from];
    // Ends as soon as all are found: in a dense network long before all links were looked at.
    for (let next = 0; next < queue.length && queue.length < this.nodes; next++) {
      const node = queue[next];
      for (const neighbour of this.neighbours(node)) {
        if (found[neighbour] >= 0 || !isOn(neighbour)) continue;
        found[neighbour] = found[node] + 1;
        queue.push(neighbour);
      }
    }
    return found;
  }

  /** The longest of the shortest paths between two nodes that have one, in links. */
  get diameter(): number {
    let longest = 0;
    for (let node = 0; node < this.nodes; node++) longest = Math.max(longest, this.eccentricity(node));
    return longest;
  }

  /** Links to the node that is farthest from this one, of those that have a path. */
  eccentricity(node: number): number {
    return this.distances(node).reduce((longest, distance) => Math.max(longest, distance), 0);
  }

  /**
   * The parts of the network: nodes with paths to one another. Each has its nodes in ascending order.
   *
   * @param isOn whether a node is there; all are by default. Others are in no part
   */
  parts(isOn: (node: number) => boolean = () => true): number[][] {
    const parts: number[][] = [];
    const seen = new Uint8Array(this.nodes);
    for (let node = 0; node < this.nodes; node++) {
      if (seen[node] === 1 || !isOn(node)) continue;
      const part: number[] = [];
      this.distances(node, isOn).forEach((distance, other) => {
        if (distance < 0) return;
        seen[other] = 1;
        part.push(other);
      });
      parts.push(part);
    }
    return parts;
  }

  /** Whether each node has a path to each other. */
  get isConnected(): boolean { return this.nodes === 0 || !this.distances(0).includes(-1); }

  /**
   * The node that belongs into a node's seed list: its first neighbour that is nearer to node 0. For node 0, and
   * where there is no path to it, the first neighbour; -1 without neighbours.
   */
  parent(node: number): number {
    const fromFirst = this.distances(0);
    const neighbours = this.neighbours(node);
    for (const neighbour of neighbours) {
      if (fromFirst[neighbour] >= 0 && fromFirst[neighbour] < fromFirst[node]) return neighbour;
    }
    return neighbours.length > 0 ? neighbours[0] : -1;
  }

  /** Sets all links anew. */
  protected relink(isLink: (from: number, to: number) => boolean): void {
    const { nodes, matrix } = this;
    for (let from = 0; from < nodes; from++) {
      for (let to = 0; to < nodes; to++) matrix[from * nodes + to] = from !== to && isLink(from, to) ? 1 : 0;
    }
    this.lists = undefined;
  }

  private neighboursOf(from: number): Uint16Array {
    const found: number[] = [];
    for (let to = 0; to < this.nodes; to++) {
      if (from !== to && this.reaches(from, to) && this.reaches(to, from)) found.push(to);
    }
    return Uint16Array.from(found);
  }

  private countPairs(counts: (there: boolean, back: boolean) => boolean): number {
    let pairs = 0;
    for (let a = 0; a < this.nodes; a++) {
      for (let b = 0; b < a; b++) if (counts(this.reaches(a, b), this.reaches(b, a))) pairs++;
    }
    return pairs;
  }
}
