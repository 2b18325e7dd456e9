// Package pipeline looks for a query in very many pictures, or computes their features, as an Apache Beam pipeline.
//
// A list of pictures becomes shards by a hash of their paths, and a shard is the unit of work: its pictures go, in the order of their
// paths, through the stream of a detector, and its files get their names when all of it is done. So the files are the same whatever the
// number of workers is and however a runner cuts its bundles, a bundle that is tried again writes the same files again, and of a run that
// was ended only shards that were not done are computed anew.
//
//	sources -> expand to paths -> key by hash -> group by shard -> look, write -> tallies -> summary
//
// A picture that cannot be read becomes a dead letter, a line with its path and the reason, and nothing fails. A device that fails, or
// weights that do not open, fail the bundle, which is the runner's to try again.
//
// A worker process has one detector, whatever its number of bundles: see engine.
package pipeline
