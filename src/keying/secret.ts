/** Variables whose names look as if nobody else should know their values, nor a digest of them. */
export const SECRET = /TOKEN|SECRET|PASSWORD|_KEY$/i;
