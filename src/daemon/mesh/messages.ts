import type { Digest } from '../../base/digest.js';
import type { ErrorCode } from '../../base/errors.js';
import type { RecallTarget } from '../../identity/statements.js';
import type { TrustFacts } from '../../identity/trustFacts.js';
import type { WhyQuestion } from '../../mesh/askWhy.js';
import type { MeshEvent } from '../../mesh/events.js';
import type { MeshState } from '../../mesh/node.js';
import type { Candidate } from '../../pipeline/ports.js';
import type { MeshConfig } from '../config/node.js';

/** What the mesh's thread is started with. */
export interface WorkerStart {
  identityDir: string;
  storePath: string;
  mesh: MeshConfig;
  /** Whether the user chose the port; otherwise any other will do when it is taken. */
  portChosen: boolean;
}

/** What the main thread asks of the mesh's thread. */
export type MeshRequest =
  | { method: 'find'; unitKey: Digest; deadlineMs: number; hasty: boolean }
  | {
      method: 'fetch';
      candidate: Candidate;
      need: { digest: Digest; size: number }[];
      deadlineMs: number;
    }
  | { method: 'why'; peer: string; question: WhyQuestion }
  | { method: 'offers'; node: string; resultKeys: Digest[] }
  | { method: 'unitsAfter'; node: string; unitKey: Digest }
  | { method: 'resultsOf'; node: string; unitKeys: Digest[] }
  | { method: 'state' | 'peers' | 'members' | 'close' }
  | { method: 'create'; name: string }
  | { method: 'invite'; role: string; ttlMs: number }
  | { method: 'join'; token: string }
  | { method: 'enter'; mesh: string | undefined }
  | { method: 'approve'; code: string; role: string }
  | { method: 'deny'; node: string | undefined }
  | { method: 'knocks' | 'rotate' }
  | { method: 'added'; node: string }
  | {
      method: 'revoke';
      node: string;
      keepAdded: boolean | undefined;
      shown: string[] | undefined;
      recall: boolean;
      force: boolean;
    }
  | { method: 'leave'; force: boolean }
  | { method: 'recall'; target: RecallTarget }
  /** What was recalled by then is in the store no longer. */
  | { method: 'swept'; revision: number };

export interface NumberedRequest {
  id: number;
  /** `cancel` ends the work on the request of that number; its answer comes all the same. */
  request: MeshRequest | 'cancel';
}

export type WorkerMessage =
  | { kind: 'ready'; state: MeshState }
  | { kind: 'answer'; id: number; value: unknown }
  /** For the person who waits. */
  | { kind: 'progress'; id: number; message: string }
  | { kind: 'failure'; id: number; code: ErrorCode; message: string }
  | { kind: 'event'; event: MeshEvent; state: MeshState }
  | { kind: 'sent'; bytes: number }
  /** Who is believed about results now; the revision rises whenever more is recalled. */
  | { kind: 'trust'; facts: TrustFacts | undefined; revision: number };
