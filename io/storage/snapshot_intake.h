// A snapshot that is brought to this node from elsewhere, part by part, as a file beside those that it keeps.
// It becomes one of them once its content is what its name says; until then it is nothing. One at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/snapshot.h"
#include "core/state/artefact_format.h"
#include "io/storage/file.h"

namespace patronus {

class SnapshotIntake {
 public:
  // Writes the part of the query, and says which comes next; what is there already, also from before a
  // restart, is gone on with.
  void take(const std::string& directory, const SnapshotQuery& query, SnapshotAnswer& out);

 private:
  // Opens what is there under this name, or begins it. False: the answer says why not.
  bool open(const std::string& directory, const SnapshotQuery& query, SnapshotAnswer& out);
  bool make_way(const std::string& directory, const SnapshotQuery& query, SnapshotAnswer& out);
  // What is wrong with the content so far, or with all of it; then it is thrown away.
  void feed(std::string_view bytes, SnapshotAnswer& out);
  void complete(const std::string& directory, SnapshotAnswer& out);
  void throw_away();

  std::string id_;  // empty: none is open
  std::string path_;
  File file_;
  std::unique_ptr<artefact::Decoder> decoder_;
  uint64_t bytes_ = 0;
  size_t unsynced_ = 0;
};

}  // namespace patronus
