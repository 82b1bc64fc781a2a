export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const min = (values) => Math.min(...values);

/** Median of the ratios of each round: rounds differ more from each other than what they compare. */
export function ratio(rounds, over, under) {
  return median(rounds.map((round) => round[over] / round[under]));
}
