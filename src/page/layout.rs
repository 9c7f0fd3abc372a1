//! A layered drawing of a graph: columns from left to right, few crossings, short edges.
//!
//! Nodes belong to bands, which are columns side by side: a band is as wide as the longest path inside it, and a column
//! that would be too tall becomes several. An edge over several columns has a place of its own in each of them, which all
//! edges of one source share. Lengths are in rows; nothing here knows pixels.

/// Sweeps over the columns, there and back, that look for fewer crossings.
const SWEEPS: usize = 10;
/// Sweeps that pull nodes towards their neighbours.
const PULLS: usize = 6;
/// Height of a place that an edge passes, in rows.
const PASSAGE: f64 = 0.3;

/// What is drawn: nodes by their band, and edges between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'s> {
    /// Band of each node, in the order in which nodes of one column begin.
    pub bands: &'s [usize],
    /// How many bands there are; one without a node has a column as well.
    pub n_bands: usize,
    /// Edges from node to node.
    pub edges: &'s [(usize, usize)],
    /// The most nodes in a column.
    pub tallest: usize,
}

/// Where everything is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrangement {
    /// Column and middle of each node, the latter in rows from the top.
    pub nodes: Vec<(usize, f64)>,
    /// Places that each edge passes between its ends, from left to right.
    pub passages: Vec<Vec<(usize, f64)>>,
    /// First column of each band, and the one behind its last.
    pub bands: Vec<(usize, usize)>,
    /// Height of all, in rows.
    pub height: f64,
}

/// A node, or a place that edges of one source pass.
#[derive(Debug, Clone)]
struct Slot {
    column: usize,
    height: f64,
    left: Vec<usize>,
    right: Vec<usize>,
    middle: f64,
}

/// Arranges a graph.
pub(super) fn arrange(shape: &Shape<'_>) -> Arrangement {
    let (columns_of, bands) = columns(shape);
    let mut slots: Vec<Slot> = columns_of
        .iter()
        .map(|column| Slot::new(*column, 1.0))
        .collect();
    let routes = routes(shape, &mut slots);
    let n_columns = bands.last().map_or(0, |(_, end)| *end);
    let mut order = vec![Vec::new(); n_columns];
    for (index, slot) in slots.iter().enumerate() {
        order[slot.column].push(index);
    }
    uncross(&slots, &mut order);
    let height = place(&mut slots, &order);
    let at = |slot: usize| (slots[slot].column, slots[slot].middle);
    Arrangement {
        nodes: (0..shape.bands.len()).map(at).collect(),
        passages: routes
            .iter()
            .map(|route| route.iter().map(|slot| at(*slot)).collect())
            .collect(),
        bands,
        height,
    }
}

impl Slot {
    fn new(column: usize, height: f64) -> Self {
        Self {
            column,
            height,
            left: Vec::new(),
            right: Vec::new(),
            middle: 0.0,
        }
    }
}

/// Gives each node its column, and each band its columns.
fn columns(shape: &Shape<'_>) -> (Vec<usize>, Vec<(usize, usize)>) {
    let layers = layers(shape);
    let mut columns = vec![0; shape.bands.len()];
    let mut bands = Vec::with_capacity(shape.n_bands);
    let mut next = 0;
    for band in 0..shape.n_bands {
        let first = next;
        let members = |layer: usize| -> Vec<usize> {
            let all = 0..shape.bands.len();
            all.filter(|&node| shape.bands[node] == band && layers[node] == layer)
                .collect()
        };
        for layer in 0.. {
            let members = members(layer);
            if members.is_empty() {
                break;
            }
            let parts = members.len().div_ceil(shape.tallest.max(1));
            for part in members.chunks(members.len().div_ceil(parts)) {
                part.iter().for_each(|&node| columns[node] = next);
                next += 1;
            }
        }
        next = next.max(first + 1);
        bands.push((first, next));
    }
    (columns, bands)
}

/// The longest path to each node inside its band. What is part of a ring, which no plan has, stays in the first layer.
fn layers(shape: &Shape<'_>) -> Vec<usize> {
    let n_nodes = shape.bands.len();
    let mut after = vec![Vec::new(); n_nodes];
    let mut n_before = vec![0_usize; n_nodes];
    for &(from, to) in shape.edges {
        if shape.bands[from] == shape.bands[to] {
            after[from].push(to);
            n_before[to] += 1;
        }
    }
    let mut layers = vec![0; n_nodes];
    let mut free: Vec<usize> = (0..n_nodes).filter(|&node| n_before[node] == 0).collect();
    while let Some(node) = free.pop() {
        for &next in &after[node] {
            layers[next] = layers[next].max(layers[node] + 1);
            n_before[next] -= 1;
            if n_before[next] == 0 {
                free.push(next);
            }
        }
    }
    let reached = layers.into_iter().zip(n_before);
    reached
        .map(|(layer, n_before)| if n_before == 0 { layer } else { 0 })
        .collect()
}

/// Gives each edge the slots that it passes, and tells slots their neighbours. An edge that leads to its own column or
/// back passes none.
fn routes(shape: &Shape<'_>, slots: &mut Vec<Slot>) -> Vec<Vec<usize>> {
    let mut chains: Vec<Vec<usize>> = vec![Vec::new(); shape.bands.len()];
    let mut routes = Vec::with_capacity(shape.edges.len());
    for &(from, to) in shape.edges {
        let (start, end) = (slots[from].column, slots[to].column);
        if end <= start {
            routes.push(Vec::new());
            continue;
        }
        let n_passed = end - start - 1;
        while chains[from].len() < n_passed {
            let before = chains[from].last().copied().unwrap_or(from);
            let slot = slots.len();
            slots.push(Slot::new(start + 1 + chains[from].len(), PASSAGE));
            join(slots, before, slot);
            chains[from].push(slot);
        }
        let last = n_passed.checked_sub(1).map_or(from, |at| chains[from][at]);
        join(slots, last, to);
        routes.push(chains[from][..n_passed].to_vec());
    }
    routes
}

fn join(slots: &mut [Slot], left: usize, right: usize) {
    slots[left].right.push(right);
    slots[right].left.push(left);
}

/// Looks for an order of each column with few crossings: each slot goes to the mean of its neighbours' places.
fn uncross(slots: &[Slot], order: &mut Vec<Vec<usize>>) {
    let mut best = (crossings(slots, order), order.clone());
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let columns: Vec<usize> = match forward {
            true => (1..order.len()).collect(),
            false => (0..order.len().saturating_sub(1)).rev().collect(),
        };
        for column in columns {
            let fixed = if forward { column - 1 } else { column + 1 };
            let places = places(slots.len(), &order[fixed]);
            let mean = |slot: usize, own: usize| {
                let slot = &slots[slot];
                let neighbours = if forward { &slot.left } else { &slot.right };
                let known: Vec<f64> = neighbours.iter().filter_map(|next| places[*next]).collect();
                match known.is_empty() {
                    true => own as f64 * order[fixed].len() as f64 / order[column].len() as f64,
                    false => known.iter().sum::<f64>() / known.len() as f64,
                }
            };
            let mut sorted: Vec<(f64, usize)> = order[column]
                .iter()
                .enumerate()
                .map(|(own, &slot)| (mean(slot, own), slot))
                .collect();
            sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
            order[column] = sorted.into_iter().map(|(_, slot)| slot).collect();
        }
        let found = crossings(slots, order);
        if found < best.0 {
            best = (found, order.clone());
        }
    }
    *order = best.1;
}

/// Place of each slot of a column; `None` for slots of other columns.
fn places(n_slots: usize, column: &[usize]) -> Vec<Option<f64>> {
    let mut places = vec![None; n_slots];
    for (place, &slot) in column.iter().enumerate() {
        places[slot] = Some(place as f64);
    }
    places
}

/// Counts the crossings between neighbouring columns.
fn crossings(slots: &[Slot], order: &[Vec<usize>]) -> usize {
    let mut place = vec![0; slots.len()];
    for column in order {
        column
            .iter()
            .enumerate()
            .for_each(|(at, &slot)| place[slot] = at);
    }
    let mut found = 0;
    for column in order {
        let mut ends: Vec<usize> = Vec::new();
        for &slot in column {
            let mut own: Vec<usize> = slots[slot].right.iter().map(|next| place[*next]).collect();
            own.sort_unstable();
            found += own
                .iter()
                .map(|end| ends.iter().filter(|other| *other > end).count())
                .sum::<usize>();
            ends.extend(own);
        }
    }
    found
}

/// Gives each slot its middle, and returns the height of all.
fn place(slots: &mut [Slot], order: &[Vec<usize>]) -> f64 {
    let height_of = |slots: &[Slot], column: &[usize]| -> f64 {
        column.iter().map(|slot| slots[*slot].height).sum()
    };
    let tallest = order
        .iter()
        .map(|column| height_of(slots, column))
        .fold(0.0, f64::max);
    for column in order {
        let mut top = (tallest - height_of(slots, column)) / 2.0;
        for &slot in column {
            slots[slot].middle = top + slots[slot].height / 2.0;
            top += slots[slot].height;
        }
    }
    for pull in 0..PULLS {
        let forward = pull % 2 == 0;
        let columns: Vec<&Vec<usize>> = match forward {
            true => order.iter().collect(),
            false => order.iter().rev().collect(),
        };
        for column in columns {
            pull_column(slots, column, forward);
        }
    }
    let top = |slot: &Slot| slot.middle - slot.height / 2.0;
    let highest = slots.iter().map(top).fold(f64::INFINITY, f64::min);
    let mut height = 0.0_f64;
    for slot in slots.iter_mut() {
        slot.middle -= highest;
        height = height.max(slot.middle + slot.height / 2.0);
    }
    height
}

/// Moves the slots of a column as near to their neighbours as their order and heights allow: least squares, by pooling
/// neighbours that want to be in each other's place.
fn pull_column(slots: &mut [Slot], column: &[usize], forward: bool) {
    let wanted = |slot: &Slot| {
        let neighbours = if forward { &slot.left } else { &slot.right };
        match neighbours.is_empty() {
            true => slot.middle,
            false => {
                let sum: f64 = neighbours.iter().map(|next| slots[*next].middle).sum();
                sum / neighbours.len() as f64
            }
        }
    };
    // Offsets take the heights out, so that what remains has only to be in order.
    let mut offsets = Vec::with_capacity(column.len());
    let mut offset = 0.0;
    for &slot in column {
        offsets.push(offset + slots[slot].height / 2.0);
        offset += slots[slot].height;
    }
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (&slot, offset) in column.iter().zip(&offsets) {
        let mut pool = (wanted(&slots[slot]) - offset, 1);
        while let Some(before) = pools.pop_if(|before| before.0 > pool.0) {
            let number = before.1 + pool.1;
            let sum = before.0 * before.1 as f64 + pool.0 * pool.1 as f64;
            pool = (sum / number as f64, number);
        }
        pools.push(pool);
    }
    let starts = pools
        .iter()
        .flat_map(|(start, number)| std::iter::repeat_n(*start, *number));
    let middles: Vec<f64> = starts
        .zip(&offsets)
        .map(|(start, offset)| start + offset)
        .collect();
    for (&slot, middle) in column.iter().zip(middles) {
        slots[slot].middle = middle;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(
        bands: &[usize],
        n_bands: usize,
        edges: &[(usize, usize)],
        tallest: usize,
    ) -> Arrangement {
        arrange(&Shape {
            bands,
            n_bands,
            edges,
            tallest,
        })
    }

    #[test]
    fn a_chain_is_a_straight_line() {
        let found = check(&[0, 0, 1], 2, &[(0, 1), (1, 2)], 9);
        assert_eq!(found.nodes, [(0, 0.5), (1, 0.5), (2, 0.5)]);
        assert_eq!(found.bands, [(0, 2), (2, 3)]);
    }

    #[test]
    fn edges_that_could_cross_do_not() {
        let found = check(&[0, 0, 1, 1], 2, &[(0, 3), (1, 2)], 9);
        let above = |one: usize, other: usize| found.nodes[one].1 < found.nodes[other].1;
        assert_eq!(above(0, 1), above(3, 2));
    }

    #[test]
    fn a_long_edge_has_its_own_place_beside_the_nodes_that_it_passes() {
        let found = check(&[0, 1, 2], 3, &[(0, 1), (1, 2), (0, 2)], 9);
        let [passage] = found.passages[2][..] else {
            panic!("it passes one column: {found:?}");
        };
        assert_eq!(passage.0, 1);
        assert!((passage.1 - found.nodes[1].1).abs() >= 0.6, "{found:?}");
    }

    #[test]
    fn a_column_that_would_be_too_tall_becomes_several_of_about_the_same_height() {
        let found = check(&[0; 25], 1, &[], 12);
        assert_eq!(found.bands, [(0, 3)]);
        assert_eq!(found.height, 9.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn no_two_nodes_overlap_and_edges_lead_to_the_right(
            mut bands in prop::collection::vec(0_usize..4, 1..40),
            pairs in prop::collection::vec((0_usize..40, 0_usize..40), 0..80),
        ) {
            bands.sort_unstable();
            let n_nodes = bands.len();
            let edges: Vec<(usize, usize)> = pairs.into_iter()
                .map(|(one, other)| (one % n_nodes, other % n_nodes))
                .filter(|(from, to)| from < to)
                .collect();
            let found = check(&bands, 4, &edges, 6);
            for (from, to) in &edges {
                prop_assert!(found.nodes[*from].0 < found.nodes[*to].0);
            }
            let mut all = found.nodes.clone();
            all.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
            for pair in all.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
                prop_assert!(pair[1].1 - pair[0].1 > 0.999, "{pair:?}");
            }
            prop_assert!(found.nodes.iter().all(|(_, middle)| *middle > 0.49 && *middle < found.height));
        }
    }
}
