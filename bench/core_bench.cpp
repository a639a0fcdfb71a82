// What the core costs without a world around it: codecs, checksums, log format, state, and three nodes that
// hand each other their messages in memory, with a disk that is done at once.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/assert.h"
#include "core/base/crc32c.h"
#include "core/base/hash.h"
#include "core/base/limits.h"
#include "core/node.h"
#include "core/raft/configuration.h"
#include "core/raft/message.h"
#include "core/state/command.h"
#include "core/state/store.h"
#include "core/wal/format.h"
#include "core/wal/recovery.h"

namespace {

using namespace patronus;
using namespace std::chrono_literals;

constexpr size_t kValueBytes = 256;
constexpr size_t kBatchEntries = 64;
constexpr Incarnation kIncarnation{0x1234};

Entry plain_entry(uint64_t index) {
  Entry entry;
  entry.index = Index{index};
  entry.term = Term{1};
  entry.payload = Blob(std::string(kValueBytes, static_cast<char>('a' + index % 26)));
  return entry;
}

Message append_message() {
  AppendRequest append;
  for (uint64_t i = 1; i <= kBatchEntries; ++i) append.entries.push_back(plain_entry(i));
  Message message;
  message.cluster_id.words = {1, 2};
  message.term = Term{1};
  message.body = std::move(append);
  return message;
}

void encode_append(benchmark::State& state) {
  const Message message = append_message();
  std::string bytes;
  for (auto _ : state) {
    bytes.clear();
    encode_message(bytes, message);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK(encode_append);

void decode_append(benchmark::State& state) {
  std::string bytes;
  encode_message(bytes, append_message());
  for (auto _ : state) benchmark::DoNotOptimize(decode_message(bytes));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}
BENCHMARK(decode_append);

template <auto kFunction>
void checksum_4k(benchmark::State& state) {
  std::string bytes(4096, 'x');
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes.data());
    benchmark::ClobberMemory();
    benchmark::DoNotOptimize(kFunction(bytes, 0));
  }
  state.SetBytesProcessed(state.iterations() * 4096);
}
BENCHMARK(checksum_4k<crc32c>)->Name("crc32c_4k");
BENCHMARK(checksum_4k<hash64>)->Name("hash64_4k");

// So many writes of one entry each, as they gather while a sync is under way.
std::vector<Persist> persists(uint64_t first_index, size_t count) {
  std::vector<Persist> batch(count);
  for (size_t i = 0; i < count; ++i) {
    batch[i].id = PersistId{first_index + i};
    batch[i].entries.push_back(plain_entry(first_index + i));
  }
  return batch;
}

void wal_encode_batch(benchmark::State& state) {
  const std::vector<Persist> batch = persists(1, kBatchEntries);
  wal::Encoder encoder(kIncarnation, wal::first_position(kIncarnation), limits::kWalSegmentBytes,
                       HardState{});
  size_t bytes = 0;
  for (auto _ : state) bytes += encoder.encode(batch).bytes.size();
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatchEntries));
}
BENCHMARK(wal_encode_batch);

void wal_recover_10k(benchmark::State& state) {
  constexpr uint64_t kEntries = 10'000;
  // The whole segment is read, with the zeros that were written before its use.
  std::string segment = wal::segment_header(kIncarnation, wal::first_position(kIncarnation));
  segment.resize(limits::kWalSegmentBytes, '\0');
  wal::Encoder encoder(kIncarnation, wal::first_position(kIncarnation), limits::kWalSegmentBytes,
                       HardState{});
  for (uint64_t index = 1; index <= kEntries; index += kBatchEntries) {
    std::vector<Persist> batch = persists(index, std::min<uint64_t>(kBatchEntries, kEntries + 1 - index));
    if (index == 1) {
      batch[0].hard.emplace();
      batch[0].hard->term = Term{1};
    }
    const wal::Write write = encoder.encode(batch);
    segment.replace(write.offset, write.bytes.size(), write.bytes);
  }
  const wal::SegmentBytes view{1, segment};
  for (auto _ : state) {
    const wal::Recovered found = wal::recover({&view, 1});
    PATRONUS_ASSERT(found.verdict == wal::Verdict::kWhole && found.entries.size() == kEntries,
                    "the log of the benchmark is whole");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kEntries));
}
BENCHMARK(wal_recover_10k)->Unit(benchmark::kMillisecond);

PutOp put_op(uint64_t n) {
  PutOp op;
  op.ns = "bench";
  op.key = "key-" + std::to_string(n % 10'000);
  op.value = Blob(std::string(kValueBytes, static_cast<char>('a' + n % 26)));
  return op;
}

Entry put_entry(uint64_t index) {
  Command command;
  command.origin = {kIncarnation, index, index};
  command.op = put_op(index);
  Entry entry = plain_entry(index);
  entry.payload = Blob(encode_command(command));
  return entry;
}

void store_apply_put(benchmark::State& state) {
  constexpr size_t kEntriesPerRound = 1'000;
  Store store;
  // Only members' writes are applied.
  Configuration configuration;
  configuration.cluster_id.words = {1, 2};
  configuration.members.push_back({"a", kIncarnation, "a:1", "a:2", Standing::kVoter});
  Entry first = plain_entry(1);
  first.kind = EntryKind::kConfiguration;
  first.payload = Blob(encode_configuration(configuration));
  (void)store.apply(first);
  std::vector<Entry> entries;
  for (auto _ : state) {
    state.PauseTiming();
    entries.clear();
    for (size_t i = 1; i <= kEntriesPerRound; ++i) entries.push_back(put_entry(store.applied().value + i));
    state.ResumeTiming();
    for (const Entry& entry : entries) {
      const Applied applied = store.apply(entry);
      PATRONUS_ASSERT(applied.result.outcome == Outcome::kOk, "every put of the benchmark is applied");
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kEntriesPerRound));
}
BENCHMARK(store_apply_put)->Unit(benchmark::kMicrosecond);

// Three nodes in one thread. An event is one Node::step; effects become events of their receivers at once.
class Cluster {
 public:
  Cluster() {
    for (size_t i = 0; i < kNodes; ++i) {
      Boot boot;
      boot.id = name(i);
      boot.incarnation = Incarnation{i + 1};
      boot.peer_address = boot.id + ":7001";
      boot.api_address = boot.id + ":8001";
      boot.election_timeout = 1s;
      boot.heartbeat_interval = 100ms;
      boot.founding_nodes = kNodes;
      boot.seed = i + 1;
      nodes_.emplace_back(boot, "bench", now_);
    }
    for (size_t i = 0; i < kNodes; ++i) {
      Effects effects;
      nodes_[i].start(now_, effects);
      deliver(i, effects);
    }
    for (size_t i = 0; i < kNodes; ++i) {
      for (size_t j = 0; j < kNodes; ++j) {
        if (i != j) queue_.emplace_back(i, LinkUp{nodes_[j].identity()});
      }
    }
    run();
    while (!find_leader()) advance(10ms);
  }

  // So many writes at the leader at once, until all are committed and answered.
  void write(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      ClientWrite write;
      write.request = RequestId{++requests_};
      write.op = put_op(requests_);
      write.deadline = now_.mono + 10s;
      queue_.emplace_back(leader_, std::move(write));
    }
    run();
    PATRONUS_ASSERT(answered_ == requests_, "every write of the benchmark is committed");
    advance(100us);
  }

  uint64_t events() const { return events_; }

 private:
  static constexpr size_t kNodes = 3;

  static NodeId name(size_t i) { return {static_cast<char>('a' + i)}; }

  void run() {
    Effects effects;
    while (!queue_.empty()) {
      auto [at, event] = std::move(queue_.front());
      queue_.pop_front();
      effects.clear();
      nodes_[at].step(now_, std::move(event), effects);
      ++events_;
      deliver(at, effects);
    }
  }

  // A Persist is on disk when its turn comes, so what waits for it never has to.
  void deliver(size_t from, Effects& effects) {
    for (Effect& effect : effects) {
      if (auto* persist = std::get_if<Persist>(&effect)) queue_.emplace_back(from, WriteDone{persist->id});
      if (std::holds_alternative<Checkpoint>(effect)) queue_.emplace_back(from, CheckpointTaken{});
      if (auto* send = std::get_if<Send>(&effect)) {
        const auto to = static_cast<size_t>(send->to[0] - 'a');
        queue_.emplace_back(to, PeerMessage{name(from), Incarnation{from + 1}, std::move(send->message)});
      }
      // What a node asks of itself is answered to request 0.
      const auto* reply = std::get_if<Reply>(&effect);
      if (reply != nullptr && reply->request != RequestId{}) {
        const auto* result = std::get_if<WriteResult>(&reply->answer);
        PATRONUS_ASSERT(result != nullptr && result->outcome == Outcome::kOk,
                        "no write of the benchmark fails");
        ++answered_;
      }
    }
  }

  void advance(Duration by) {
    now_.mono = now_.mono + by;
    now_.wall.unix_ms = now_.mono.ns / 1'000'000;
    for (size_t i = 0; i < kNodes; ++i) {
      if (nodes_[i].deadline() <= now_.mono) queue_.emplace_back(i, Wake{});
    }
    run();
  }

  bool find_leader() {
    const auto leads = [](const Node& node) { return node.raft().is_leader(); };
    const auto at = std::find_if(nodes_.begin(), nodes_.end(), leads);
    leader_ = static_cast<size_t>(at - nodes_.begin());
    return at != nodes_.end();
  }

  Now now_;
  std::deque<Node> nodes_;
  std::deque<std::pair<size_t, Event>> queue_;
  size_t leader_ = 0;
  uint64_t requests_ = 0;
  uint64_t answered_ = 0;
  uint64_t events_ = 0;
};

// The argument is how many writes are under way at once.
void cluster_write(benchmark::State& state) {
  Cluster cluster;
  const uint64_t events_before = cluster.events();
  const auto writes = static_cast<size_t>(state.range(0));
  for (auto _ : state) cluster.write(writes);
  const auto rate = benchmark::Counter::kIsRate;
  state.counters["writes/s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)), rate);
  state.counters["events/s"] =
      benchmark::Counter(static_cast<double>(cluster.events() - events_before), rate);
}
BENCHMARK(cluster_write)->Arg(1)->Arg(64)->Arg(1'024)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
