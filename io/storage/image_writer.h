// Writes checkpoints to the image on a thread of its own, piece by piece as they come. A disk without room is
// waited out: the checkpoint is tried again until it is written, and until then the log is simply not cut.
// Any other failure is terminal.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/base/types.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/snapshot.h"
#include "io/storage/image.h"

namespace patronus {

class ImageWriter {
 public:
  struct Done {
    std::string error;  // terminal; empty on success
  };

  // `notify` is called on the writer's thread when a result is there to be taken; it must not block. `retry`:
  // how long a full disk is left alone.
  ImageWriter(std::string path, size_t map_bytes, Image&& image, Incarnation incarnation, Duration retry,
              std::function<void()> notify);
  // A checkpoint that is not whole yet is given up: the image stays as it was.
  ~ImageWriter();
  ImageWriter(const ImageWriter&) = delete;
  ImageWriter& operator=(const ImageWriter&) = delete;

  // At most one piece may be under way.
  void submit(Checkpoint&& piece);
  // The result of the piece under way, once there is one.
  [[nodiscard]] std::optional<Done> take_done();
  // Writes what the image holds to an artefact, once the piece under way, if any, was taken. At most one may
  // be under way.
  void make_artefact(std::string path);
  [[nodiscard]] std::optional<ArtefactMade> take_artefact();
  // The same as a snapshot in that data directory (snapshot_files.h), with the ticket in its answer.
  void make_snapshot(std::string directory, uint64_t ticket);
  [[nodiscard]] std::optional<SnapshotAnswer> take_snapshot();
  // What is wrong with the image, if a copy showed that it is damaged.
  [[nodiscard]] std::optional<std::string> take_damage();
  // A line for the operator, while the disk is full.
  [[nodiscard]] std::optional<std::string> take_complaint();

 private:
  void run();
  void take(Checkpoint&& piece);
  [[nodiscard]] std::optional<ImageError> write(const Checkpoint& piece);
  [[nodiscard]] std::optional<ImageError> write_all();
  [[nodiscard]] std::optional<ImageError> begin_fresh();
  [[nodiscard]] std::optional<ImageError> take_over();
  void drop_fresh();
  std::string fresh_path() const;
  // Tries until it is written; false if the writer is to stop first, or for good.
  bool insist(std::optional<ImageError> failed);
  void finish(Done&& done);
  void make(const std::string& path);
  void note_damage(const ImageError& error);
  void save(const std::string& directory, uint64_t ticket);

  const std::string path_;
  const size_t map_bytes_;
  const Incarnation incarnation_;
  const Duration retry_;
  const std::function<void()> notify_;

  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::optional<Checkpoint> submitted_;
  std::optional<Done> done_;
  std::optional<std::string> complaint_;
  std::optional<std::string> damage_;
  std::optional<std::string> wanted_artefact_;  // its path
  std::optional<ArtefactMade> made_;
  std::optional<std::pair<std::string, uint64_t>> wanted_snapshot_;  // its directory and ticket
  std::optional<SnapshotAnswer> saved_;
  bool stopping_ = false;

  // Of the thread alone.
  std::optional<Image> image_;
  std::optional<Image> fresh_;      // what is written instead of it, by a checkpoint that begins anew
  std::vector<Checkpoint> pieces_;  // of the checkpoint under way, in case it must be written again
  bool full_ = false;               // its transaction failed; the rest is only gathered
  bool failed_ = false;

  std::thread thread_;  // last, so that everything is there when it starts
};

}  // namespace patronus
