// Reads parts of the artefact that was made here, and writes those of one that is fetched, on a thread of its
// own, in the order in which they are asked for.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>

#include "core/effect.h"
#include "core/event.h"
#include "core/snapshot.h"
#include "core/state/snapshot_reading.h"
#include "io/storage/artefact_files.h"
#include "io/storage/file.h"
#include "io/storage/snapshot_intake.h"

namespace patronus {

class ArtefactWorker {
 public:
  struct Read {
    SendPart wanted;
    std::string bytes;  // none if it is not there
  };
  struct Arrived {
    std::string failure;  // empty: it is durable, under its name
  };
  using Done = std::variant<Read, PartKept, Arrived, SnapshotAnswer>;

  // `notify` is called on the worker's thread whenever a result is there to be taken; it must not block.
  // Several may have come by the time the taker looks.
  ArtefactWorker(ArtefactPaths paths, std::function<void()> notify);
  // What was not begun is dropped. No call of `notify` comes after it.
  ~ArtefactWorker();
  ArtefactWorker(const ArtefactWorker&) = delete;
  ArtefactWorker& operator=(const ArtefactWorker&) = delete;

  // This is the artefact that was made; it is at its place.
  void made(const Artefact& artefact);
  // Dropped if limits::kArtefactJobsMax are queued: whoever wants it asks again.
  void read(SendPart&& wanted);
  void keep(ArtefactPart&& part);
  // Of the snapshots of that data directory. False if too many wait.
  [[nodiscard]] bool query(std::string directory, SnapshotQuery&& query);
  // All parts were kept: the file is made durable and gets the name under which the next start finds it.
  void arrive(const Artefact& artefact);

  [[nodiscard]] std::optional<Done> take_done();

 private:
  struct Made {
    Artefact artefact;
  };
  struct Arrive {
    Artefact artefact;
  };
  struct Query {
    std::string directory;
    SnapshotQuery query;
  };
  using Job = std::variant<Made, SendPart, ArtefactPart, Arrive, Query>;

  void submit(Job&& job, bool may_drop);
  void run();
  std::optional<Done> execute(const Made& made);
  std::optional<Done> execute(const SendPart& wanted);
  std::optional<Done> execute(const ArtefactPart& part);
  std::optional<Done> execute(const Arrive& arrive);
  std::optional<Done> execute(const Query& query);
  void read_on(const Query& query, SnapshotAnswer& answer);
  std::optional<std::string> keep_now(const ArtefactPart& part);
  std::optional<std::string> arrive_now(const Artefact& artefact);

  const ArtefactPaths paths_;
  const std::function<void()> notify_;

  std::mutex mutex_;
  std::condition_variable wakeup_;
  std::deque<Job> queue_;
  std::deque<Done> done_;
  size_t queries_ = 0;  // queued, or answered and not taken
  bool stopping_ = false;

  // Of the thread alone.
  std::optional<Artefact> made_;
  File made_file_;
  std::optional<Artefact> incoming_;
  File incoming_file_;
  size_t unsynced_ = 0;
  SnapshotReading reading_;
  File reading_file_;
  SnapshotIntake intake_;

  std::thread thread_;  // last, so that everything is there when it starts
};

}  // namespace patronus
