"""Circles in a directed graph, given as {node: {neighbour, ...}}."""


def knots(graph):
    """Sets of two or more nodes that all reach each other, in order."""
    # Tarjan's algorithm, with a stack of its own: modules nest little, imports chain long.
    index, low, stack, on_stack, found = {}, {}, [], set(), []
    for start in sorted(graph):
        if start in index:
            continue
        work = [(start, iter(sorted(graph[start])))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, rest = work[-1]
            for next_node in rest:
                if next_node not in index:
                    index[next_node] = low[next_node] = len(index)
                    stack.append(next_node)
                    on_stack.add(next_node)
                    work.append((next_node, iter(sorted(graph.get(next_node, ())))))
                    break
                if next_node in on_stack:
                    low[node] = min(low[node], index[next_node])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    knot = set()
                    while node not in knot:
                        knot.add(stack.pop())
                    on_stack -= knot
                    if len(knot) > 1:
                        found.append(sorted(knot))
    return sorted(found)


def shortest(graph, knot):
    """A shortest circle within a knot, as the list of its nodes."""
    best = None
    for start in knot:
        before, front = {start: None}, [start]
        while front and start is not None:
            following = []
            for node in front:
                for next_node in sorted(graph.get(node, ())):
                    if next_node == start:
                        circle = []
                        while node is not None:
                            circle.append(node)
                            node = before[node]
                        circle.reverse()
                        if best is None or len(circle) < len(best):
                            best = circle
                        following, start = [], None
                        break
                    if next_node in knot and next_node not in before:
                        before[next_node] = node
                        following.append(next_node)
                if start is None:
                    break
            front = following
    return best


def levels(graph):
    """The nodes of a graph without circles, lowest first: each stands above all that it uses."""
    height = {}

    def measure(node):
        if node not in height:
            height[node] = 1 + max((measure(used) for used in graph.get(node, ())), default=-1)
        return height[node]

    for node in graph:
        measure(node)
    return [
        sorted(node for node in graph if height[node] == level)
        for level in range(1 + max(height.values(), default=-1))
    ]
