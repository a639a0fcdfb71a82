// What the driver needs of the world. Production gives it libuv and files; the simulator a wire, a disk and a
// clock of its own. Nothing here answers at once: what becomes of a call comes back through the driver's
// calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/base/types.h"
#include "core/effect.h"
#include "core/event.h"
#include "core/snapshot.h"
#include "core/wal/format.h"
#include "io/auth/password_job.h"
#include "io/backup/mailbox.h"
#include "io/config/address.h"

namespace patronus {

// A byte stream to someone; given by the driver, never used twice.
using ConnId = uint64_t;

enum class Door : uint8_t { kPeer, kHttp };

// What a name was found to lead to.
struct NameAnswer {
  std::vector<std::string> addresses;  // "ip:port"
  std::string failure;                 // why there is none; empty if the look-up did not fail
};

// Who is at the other end of a stream that came in.
struct Remote {
  std::string ip;       // in text form, without a port; empty where there is no network
  bool secure = false;  // the stream is encrypted
};

class Ports {
 public:
  virtual ~Ports() = default;

  virtual Now now() = 0;

  // Opens a stream to "host:port"; the name is resolved now. Answered by dialled() or ended().
  virtual void dial(ConnId conn, const std::string& address) = 0;
  // Asks for all addresses that a name has now; answered by looked_up(). At most one question is under way.
  virtual void look_up(const Address&) {}
  // Asks the process that copies this node's database off site; false if nobody could hear it.
  [[nodiscard]] virtual bool ask_backup(const backup::Requests&) { return false; }
  // Takes bytes to write and says how many of them left at once; the rest is answered, as it leaves, by
  // written().
  virtual size_t write(ConnId conn, std::string&& bytes) = 0;
  // Bytes queued and not yet taken by the kernel.
  virtual size_t backlog(ConnId conn) const = 0;
  // Closes after what is queued was written; nothing more is heard of the stream.
  virtual void close(ConnId conn) = 0;
  virtual void pause_reading(ConnId conn, bool pause) = 0;
  // Whoever dials this door from now on is refused; streams that are open go on.
  virtual void stop_listening(Door door) = 0;
  // Whether somebody came in at this door within limits::kDrainFirstRequest whom the driver has not been told
  // of, because the handshake is under way.
  virtual bool has_arrivals(Door) const { return false; }
  // The node id that the other end has proven by its certificate; nothing where streams carry no proof.
  virtual std::optional<NodeId> proven_identity(ConnId) const { return std::nullopt; }

  // Writes and syncs; answered by log_written(). At most one is under way. A failure stops the process.
  virtual void write_log(wal::Write&& write) = 0;

  // Segments of the log before this one are needed no longer.
  virtual void cut_log(uint64_t first_kept_segment) = 0;
  // Takes a piece of a checkpoint for the image of the state; answered by checkpoint_taken(), the last
  // piece's once all of it is durable. At most one is under way. A full disk is waited out; any other failure
  // stops the process.
  virtual void checkpoint(Checkpoint&& piece) = 0;

  // Takes a piece of a copy for the dashboard's database; answered by projected(), or by a database_report()
  // that the database is lost. At most one is under way, and none before the database was reported to be
  // open.
  virtual void project(Project&& piece) = 0;

  // Writes the state, as the image holds it, to an artefact, which replaces the one before; answered by
  // artefact_made().
  virtual void make_artefact() = 0;
  // Reads a part of the artefact made last; answered by part_read().
  virtual void read_part(SendPart&& wanted) = 0;
  // Writes a part of the artefact that is fetched, after throwing away what is there of another; answered by
  // part_kept().
  virtual void keep_part(ArtefactPart&& part) = 0;
  // All parts of this artefact were kept: makes it durable, ends the process and begins again from it.
  virtual void install_artefact(const Artefact& artefact) = 0;

  // Writes the state, as the image holds it, to a snapshot; answered by snapshot_answered(). At most one is
  // under way.
  virtual void make_snapshot(uint64_t ticket) = 0;
  // Answered by snapshot_answered(); false if too many wait.
  [[nodiscard]] virtual bool query_snapshots(SnapshotQuery&& query) = 0;

  // The data directory must not be used any more: sets it aside, ends the process and begins again with
  // nothing, as one that belonged to this cluster.
  virtual void set_aside(const std::string& reason, const ClusterId& cluster) = 0;

  // The cluster is lost and this node shall go on alone as that one: notes it, ends the process and begins
  // again.
  virtual void found_anew(const ClusterId& cluster) = 0;

  // Hashes or checks a password, answered by password_done(); false if too many wait already.
  [[nodiscard]] virtual bool hash_password(auth::PasswordJob&& job) = 0;

  // Calls wake() at this time at the latest, instead of any time asked for before.
  virtual void wake_at(Instant at) = 0;

  // A line for the operator.
  virtual void log(const Notice& notice) = 0;
  // This node has left its cluster in good order (Driver::drain); the process may end.
  virtual void drained() = 0;
  // The node can't go on.
  virtual void stop(const std::string& reason) = 0;
};

}  // namespace patronus
