#include "io/driver.h"

#include <algorithm>
#include <utility>

#include "core/base/assert.h"
#include "core/base/buggify.h"
#include "core/base/bytes.h"
#include "core/base/limits.h"

namespace patronus {
namespace {

// A write to the log that takes longer than this makes the node unready.
constexpr Duration kLogWritePatience = std::chrono::seconds(5);

}  // namespace

Driver::Driver(DriverOptions options, Ports& ports)
    : ports_(ports),
      crypto_(std::move(options.crypto)),
      now_(ports.now()),
      leave_grace_(options.boot.leave_grace),
      node_(std::move(options.boot), options.version, now_),
      links_(std::move(options.peers), ports, *this, std::move(options.peers_name)),
      http_({node_.identity().id, options.version, options.request_timeout, std::move(options.accounts)},
            node_, *crypto_, ports, *this, metrics_),
      encoder_(node_.identity().incarnation, options.log_position, options.segment_bytes,
               node_.raft().hard_state()),
      segments_(options.log_segments),
      segment_bytes_(options.segment_bytes),
      batch_bytes_max_(
          std::min(limits::kWalBatchBytesMax, options.segment_bytes - limits::kWalSegmentHeaderBytes)) {
  if (options.advertises_https) http_.redirect_to_https();
}

void Driver::start() {
  now_ = ports_.now();
  Effects effects;
  node_.start(now_, effects);
  performing_ = true;
  perform(std::move(effects));
  work_off();
  flush();
}

ConnId Driver::new_conn(Door) { return next_conn_++; }

ConnId Driver::accepted(Door door, const Remote& remote) {
  now_ = ports_.now();
  if (door == Door::kPeer && !boot_is_durable_) return 0;
  const ConnId conn = next_conn_++;
  const bool taken = door == Door::kPeer ? links_.accept(conn, now_.mono) : http_.accept(conn, remote, now_);
  return taken ? conn : 0;
}

void Driver::dialled(ConnId conn) {
  now_ = ports_.now();
  links_.dialled(conn, now_.mono);
}

void Driver::looked_up(NameAnswer&& answer) {
  now_ = ports_.now();
  links_.looked_up(std::move(answer), now_.mono);
  follow_search();
}

void Driver::received(ConnId conn, std::string_view bytes) {
  now_ = ports_.now();
  if (links_.owns(conn)) {
    links_.received(conn, bytes, now_.mono);
  } else {
    http_.received(conn, bytes, now_);
  }
}

void Driver::end_of_input(ConnId conn) {
  now_ = ports_.now();
  if (links_.owns(conn)) {
    links_.ended(conn, LinkEnd::kEndOfFile, now_.mono);
  } else {
    http_.end_of_input(conn, now_);
  }
}

void Driver::ended(ConnId conn, LinkEnd how) {
  now_ = ports_.now();
  if (links_.owns(conn)) {
    links_.ended(conn, how, now_.mono);
  } else {
    http_.ended(conn);
  }
}

void Driver::written(ConnId conn, size_t bytes) {
  if (links_.owns(conn)) return;
  now_ = ports_.now();
  http_.written(conn, bytes, now_);
}

bool Driver::make_snapshot(uint64_t ticket) {
  if (snapshot_) return false;
  snapshot_ = WantedSnapshot{ticket, node_.store().applied(), now_.mono + limits::kSnapshotPatience};
  if (node_.image_applied() < snapshot_->from) {
    node_.hurry_checkpoint();
    step(Wake{});
  }
  return true;
}

// The image must hold all that was applied when the snapshot was asked for.
void Driver::pursue_snapshot() {
  if (!snapshot_ || snapshot_->begun) return;
  if (node_.image_applied() >= snapshot_->from) {
    snapshot_->begun = true;
    ports_.make_snapshot(snapshot_->ticket);
  } else if (now_.mono >= snapshot_->deadline) {
    SnapshotAnswer late;
    late.ticket = snapshot_->ticket;
    late.failure = "no checkpoint of the state was done in time; the disk is full or slow";
    snapshot_.reset();
    http_.snapshot_answered(std::move(late), now_);
  }
}

void Driver::snapshot_answered(SnapshotAnswer&& answer) {
  now_ = ports_.now();
  if (snapshot_ && snapshot_->ticket == answer.ticket) snapshot_.reset();
  http_.snapshot_answered(std::move(answer), now_);
}

void Driver::wake() {
  now_ = ports_.now();
  if (boot_is_durable_) links_.wake(now_.mono);
  http_.wake(now_);
  check_log_health();
  if (node_.deadline() <= now_.mono) step(Wake{});
}

void Driver::on_core_request(api::CoreRequest&& request) {
  std::visit([&](auto& concrete) { step(std::move(concrete)); }, request);
}

void Driver::step(Event&& event) {
  // What an effect leads to, such as an answer that a request's next step follows, waits until all effects of
  // its step are done: writes to the log keep their order.
  later_.push_back(std::move(event));
  if (!performing_) work_off();
}

void Driver::work_off() {
  performing_ = true;
  while (!later_.empty() && !stopped_) {
    Effects effects;
    Event next = std::move(later_.front());
    later_.pop_front();
    node_.set_log_room(log_room());
    node_.step(now_, std::move(next), effects);
    perform(std::move(effects));
  }
  later_.clear();
  performing_ = false;
}

void Driver::perform(Effects&& effects) {
  for (Effect& effect : effects) perform(std::move(effect));
}

void Driver::perform(Effect&& effect) {
  if (auto* persist = std::get_if<Persist>(&effect)) {
    to_write_.push_back(std::move(*persist));
  } else if (auto* checkpoint = std::get_if<Checkpoint>(&effect)) {
    if (!checkpoint_since_) checkpoint_since_ = now_.mono;
    checkpoint_ends_ = checkpoint->end.has_value();
    ports_.checkpoint(std::move(*checkpoint));
  } else if (auto* project = std::get_if<Project>(&effect)) {
    ports_.project(std::move(*project));
  } else if (perform_artefact(effect)) {
    return;
  } else if (const auto* cut = std::get_if<CutLog>(&effect)) {
    if (const std::optional<uint64_t> first = segments_.release(cut->through)) ports_.cut_log(*first);
  } else if (auto* send = std::get_if<Send>(&effect)) {
    const PersistId after = send->after;
    if (gate_.open_for(after)) {
      pass(std::move(*send));
    } else {
      gate_.hold(after, std::move(*send));
    }
  } else if (auto* reply = std::get_if<Reply>(&effect)) {
    const PersistId after = reply->after;
    if (gate_.open_for(after)) {
      pass(std::move(*reply));
    } else {
      gate_.hold(after, std::move(*reply));
    }
  } else if (const auto* notice = std::get_if<Notice>(&effect)) {
    ports_.log(*notice);
  } else if (const auto* stop = std::get_if<Stop>(&effect)) {
    stopped_ = true;
    ports_.stop(stop->reason);
  } else if (auto* removed = std::get_if<Removed>(&effect)) {
    leave_as_removed(std::move(removed->reason));
  } else if (const auto* aside = std::get_if<SetAside>(&effect)) {
    stopped_ = true;
    ports_.set_aside(aside->reason, aside->cluster);
  } else if (auto* redial = std::get_if<Redial>(&effect)) {
    to_redial_.push_back(std::move(redial->peer));
  }
}

bool Driver::perform_artefact(Effect& effect) {
  if (std::holds_alternative<MakeArtefact>(effect)) {
    ports_.make_artefact();
  } else if (auto* wanted = std::get_if<SendPart>(&effect)) {
    ports_.read_part(std::move(*wanted));
  } else if (auto* keep = std::get_if<KeepPart>(&effect)) {
    ports_.keep_part(std::move(keep->part));
  } else if (const auto* install = std::get_if<InstallArtefact>(&effect)) {
    // Nothing that happens from here on would be of use to the process that follows.
    stopped_ = true;
    ports_.install_artefact(install->artefact);
  } else {
    return false;
  }
  return true;
}

void Driver::projected(const Projected& done) {
  now_ = ports_.now();
  step(Projected(done));
}

void Driver::database_report(DatabaseReport&& report) {
  now_ = ports_.now();
  step(std::move(report));
}

void Driver::artefact_made(ArtefactMade&& made) {
  now_ = ports_.now();
  step(std::move(made));
}

void Driver::image_damaged(std::string&& reason) {
  now_ = ports_.now();
  ++metrics_.image_damage;
  step(ImageDamaged{std::move(reason)});
}

void Driver::part_read(const SendPart& wanted, std::string&& bytes) {
  now_ = ports_.now();
  metrics_.artefact_bytes_sent += bytes.size();
  const Message message{node_.raft().hard_state().cluster_id, node_.raft().term(),
                        ArtefactPart{wanted.artefact, wanted.offset, Blob(std::move(bytes))}};
  links_.send(wanted.to, message);
}

void Driver::part_kept(PartKept&& kept) {
  now_ = ports_.now();
  step(std::move(kept));
}

void Driver::pass(Gate::Gated&& effect) {
  if (const auto* send = std::get_if<Send>(&effect)) {
    links_.send(send->to, send->message);
  } else {
    const auto& reply = std::get<Reply>(effect);
    http_.answered(reply.request, reply.answer, now_);
  }
}

// One batch of whatever gathered while the last one was under way: one write, one sync (group commit).
void Driver::write_log() {
  if (writing_ || to_write_.empty() || stopped_) return;
  std::vector<Persist> batch;
  // Where the segment in use is the last one, what still fits is written to it, though more has gathered.
  const size_t left = segment_bytes_ - std::min<size_t>(segment_bytes_, encoder_.position().offset);
  const size_t bytes_max = log_is_full_ ? std::min(batch_bytes_max_, left) : batch_bytes_max_;
  size_t bytes = wal::kBatchHeaderBytes + wal::kAlignment + wal::kHardRecordBytesMax;
  size_t records = 0;
  while (!to_write_.empty()) {
    const size_t more = wal::batch_bytes(to_write_.front());
    records += 1 + to_write_.front().entries.size();
    const bool full =
        bytes + more > bytes_max || records > limits::kWalRecordsPerBatchMax || BUGGIFY(kOneWriteBatch);
    if (full && !batch.empty()) break;
    bytes += more;
    batch.push_back(std::move(to_write_.front()));
    to_write_.pop_front();
  }
  wal::Write write = encoder_.encode(batch);
  writing_ = Writing{write.through, write.segment, write.new_segment.has_value(), write.last_entry};
  writing_since_ = now_.mono;
  node_.log_write_began(now_);
  metrics_.wal_bytes += write.bytes.size();
  ports_.write_log(std::move(write));
}

void Driver::log_written(Duration took) {
  now_ = ports_.now();
  PATRONUS_ASSERT(writing_.has_value(), "a write that is done was under way");
  const PersistId through = writing_->through;
  segments_.written(writing_->segment, writing_->new_segment, writing_->last_entry);
  writing_.reset();
  metrics_.wal_fsync.observe(took);
  node_.report_health("wal", true, "", now_);
  if (!std::exchange(boot_is_durable_, true)) links_.start(now_.mono);
  later_.push_back(WriteDone{through, took});
  performing_ = true;
  for (Gate::Gated& effect : gate_.release(through)) pass(std::move(effect));
  work_off();
}

void Driver::log_is_full(bool full) {
  now_ = ports_.now();
  log_is_full_ = full;
  step(Wake{});
}

// What is left of the last segment, without what waits to be written; nothing: it is not the last one.
std::optional<size_t> Driver::log_room() const {
  if (!log_is_full_) return std::nullopt;
  // A segment that is waited for is not there.
  if (writing_ && writing_->new_segment) return 0;
  size_t wanted = 0;
  for (const Persist& persist : to_write_) wanted += wal::kBatchHeaderBytes + wal::batch_bytes(persist);
  const size_t left = segment_bytes_ - std::min<size_t>(segment_bytes_, encoder_.position().offset);
  return left - std::min(left, wanted);
}

void Driver::checkpoint_taken() {
  now_ = ports_.now();
  checkpoint_waits_ = false;
  if (checkpoint_ends_) {
    metrics_.checkpoints.observe(now_.mono - *checkpoint_since_);
    checkpoint_since_.reset();
  }
  step(CheckpointTaken{});
}

void Driver::check_log_health() {
  if (writing_ && now_.mono - writing_since_ > kLogWritePatience) {
    node_.report_health("wal", false, "a write to the log takes longer than five seconds", now_);
  }
}

void Driver::found_anew() {
  const std::string bytes = crypto_->random(16);
  Reader words(bytes);
  const uint64_t first = words.u64();
  founds_anew_ = ClusterId{{first | 1, words.u64()}};
}

void Driver::password_done(auth::PasswordDone&& done) {
  now_ = ports_.now();
  http_.password_done(std::move(done), now_);
}

// Tokens need a key. The leader sees to the first one; of two leaders only one's is taken.
void Driver::keep_signing_key() {
  if (now_.mono < next_key_check_ || !node_.vouches(now_)) return;
  next_key_check_ = now_.mono + limits::kKeyCheckInterval;
  node_.report_health(
      "keys", !http_.desk().keys_are_locked(),
      "the cluster's signing key can't be opened; PATRONUS_CLUSTER_SECRET is not the cluster's", now_);
  if (!told_setup_token_) {
    if (const std::optional<std::string> token = http_.desk().setup_token()) {
      ports_.log({NoticeKind::kSetupToken,
                  "there is no user yet; make the first administrator with the setup token " + *token});
      told_setup_token_ = true;
    }
  }
  if (!node_.raft().is_leader()) return;
  if (std::optional<AddSigningKeyOp> key = http_.desk().missing_key()) {
    step(ClientWrite{RequestId{}, AccountOp{std::move(*key)}, std::nullopt, now_.mono + limits::kExpiryRetry,
                     std::nullopt});
  }
}

void Driver::follow_members() {
  const Node::TargetsVersion version = node_.targets_version();
  if (version == targets_) return;
  targets_ = version;
  std::vector<PeerAddress> targets;
  for (PeerTarget& target : node_.peer_targets())
    targets.push_back({std::move(target.id), std::move(target.address)});
  links_.set_targets(std::move(targets), now_.mono);
}

void Driver::follow_search() {
  std::string sought = links_.sought(now_.mono);
  // It looks as if it were there, and is about to be given up.
  if (sought.empty() && !to_redial_.empty()) sought = "node " + to_redial_.front() + " is dialled again";
  if (sought == sought_) return;
  sought_ = sought;
  step(PeersSought{std::move(sought)});
}

void Driver::submit(WriteOp&& op, Duration patience) {
  now_ = ports_.now();
  step(ClientWrite{RequestId{}, std::move(op), std::nullopt, now_.mono + patience, std::nullopt});
}

void Driver::engine_turned(std::string_view remark) {
  now_ = ports_.now();
  node_.report_health("sdwan", true, remark, now_);
}

void Driver::flush() {
  keep_signing_key();
  drain_if_leaving();
  if (draining_) continue_drain();
  if (boot_is_durable_) follow_members();
  for (const NodeId& peer : std::exchange(to_redial_, {})) links_.redial(peer, now_.mono);
  if (boot_is_durable_) follow_search();
  pursue_snapshot();
  http_.flush(now_);
  write_log();
  links_.flush(now_.mono);
  if (const std::optional<ClusterId> cluster = std::exchange(founds_anew_, std::nullopt);
      cluster && !stopped_) {
    stopped_ = true;
    ports_.found_anew(*cluster);
  }
  if (stopped_) {
    // Nothing is stepped any more, so what is due stays due.
    ports_.wake_at(Instant::never());
    return;
  }
  Instant next = std::min(node_.deadline(), http_.deadline());
  if (boot_is_durable_) next = std::min(next, links_.deadline());
  if (snapshot_ && !snapshot_->begun) next = std::min(next, snapshot_->deadline);
  if (writing_)
    next = std::min(next, std::max(writing_since_ + kLogWritePatience, now_.mono) + kLogWritePatience);
  if (draining_ && !draining_->left) {
    const bool waits_for_the_cluster = draining_->until_removed && now_.mono >= draining_->door_shuts;
    if (!waits_for_the_cluster)
      next = std::min(
          next, now_.mono < draining_->door_shuts ? draining_->door_shuts : now_.mono + limits::kDrainCheck);
  }
  ports_.wake_at(next);
}

}  // namespace patronus
