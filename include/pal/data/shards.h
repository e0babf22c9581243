// Shards: a data set's recordings and samples in tar files of some gigabytes, in the layout that WebDataset established, so that a
// cluster's file system reads a few large files on instead of millions of small ones.
//
//   shard-000000.tar   000000000.json       the sample's object of the manifest
//                      000000000.0.flac     its first recording, byte for byte
//                      000000001.json ...   "audio" of a sample whose recording was put in before says where that is
//   index.jsonl        a manifest: every sample with the file, the offset and the length of its recordings
//
// The index is what a config names: it is read, split, shuffled and scored like any other manifest, and recordings are read where they
// lie in the tar files, without unpacking.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "pal/data/manifest.h"

namespace pal {

// What was written, or found.
struct ShardSummary {
  std::int64_t shards = 0;      // tar files
  std::int64_t samples = 0;     // of the index
  std::int64_t recordings = 0;  // different ones
  std::int64_t bytes = 0;       // of the tar files
  std::int64_t ignored = 0;     // members that are neither a sample nor a recording
};

// Copies a manifest (or a split of it) and its recordings into `folder`, which must not be there: whole or, after an error, not at all
// (what an earlier process that was killed left of it is removed). A shard ends with the sample that makes it reach `shard_bytes`. A
// recording is stored once, however many samples have it. Throws UserError as read_manifest(), and where a recording is missing.
ShardSummary write_shards(const ManifestPart& manifest, const std::filesystem::path& folder, std::int64_t shard_bytes);

// Makes the index of tar files, pal's or others' in WebDataset's layout: members of one name up to the first dot of the last part follow
// each other; NAME.json is an object as in manifests, or NAME.txt a caption; wav, flac, ogg, opus and mp3 are recordings, in the tar's
// order. A sample without an id is called TAR/NAME. `out` is written whole or not at all, paths in it are relative to it where the tar
// files lie in its folder or below. Throws UserError as read_tar() says of what is no safe, plain tar.
ShardSummary index_shards(const std::vector<std::filesystem::path>& tars, const std::filesystem::path& out);

}  // namespace pal
