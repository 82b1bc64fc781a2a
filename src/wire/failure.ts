/** What a front end needs of the error table: the command line may import only `wire`. */
export { errnoOf, HINTS, isErrorCode, toVriftError, VriftError } from '../base/errors.js';
