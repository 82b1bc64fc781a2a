import { describe, expect, it } from 'vitest';
import { type Place, Routes } from '../../src/mesh/routes.js';

const route = (port: number) => ({ host: '10.0.0.1', port, via: 'exchange' as const });

function routesOf(...added: [port: number, place: Place][]) {
  const routes = new Routes();
  for (const [port, place] of added) routes.add(route(port), place);
  return routes;
}

/** Ports in the order in which they would be tried. */
function order(routes: Routes, count = 6): number[] {
  const ports: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const { port } = routes.first ?? route(0);
    if (ports.includes(port)) break;
    ports.push(port);
    routes.rotate();
  }
  return ports;
}

describe('the ways to a peer', () => {
  it('are four at most, and what others say drives out none of them', () => {
    const routes = routesOf([1, 'first'], [2, 'last'], [3, 'last'], [4, 'last']);
    expect(routes.add(route(5), 'last')).toBe(false);
    expect(order(routes)).toEqual([1, 2, 3, 4]);
  });

  it('begin with where the peer was met, then where it says itself that it is', () => {
    const routes = routesOf([1, 'first'], [2, 'last'], [3, 'last'], [4, 'last']);
    expect(routes.add(route(5), 'second')).toBe(true);
    expect(order(routes)).toEqual([1, 5, 2, 3]);
    expect(routes.add(route(6), 'first')).toBe(true);
    expect(order(routes)).toEqual([6, 1, 5, 2]);
  });

  it('keep the newest port of a peer that restarts again and again', () => {
    const routes = routesOf([1, 'first']);
    for (const port of [2, 3, 4, 5, 6, 7]) routes.add(route(port), 'second');
    expect(order(routes)).toEqual([1, 7, 6, 5]);
  });

  it('are not changed by what is known', () => {
    const routes = routesOf([1, 'first'], [2, 'second'], [3, 'last']);
    for (const [port, place] of [
      [1, 'first'],
      [1, 'second'],
      [2, 'second'],
      [2, 'last'],
      [3, 'last'],
    ] as const) {
      expect(routes.add(route(port), place)).toBe(false);
    }
    // Another order is no news.
    expect(routes.add(route(3), 'second')).toBe(false);
    expect(order(routes)).toEqual([1, 3, 2]);
  });
});
