// The replicated state as rows: what changed, taken piece by piece while more is applied, keeps an image that
// is the state; and a state built from its rows is the one it was.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/base/random.h"
#include "core/raft/leader_record.h"
#include "core/state/store.h"

namespace patronus::rows_test {
namespace {

using Image = std::map<std::string, std::string>;

Image image_of(const Store& store) {
  Image image;
  std::string last;
  store.for_each_row([&](std::string_view key, const RowValue& value) {
    RC_ASSERT(key > last);
    RC_ASSERT(key.size() <= limits::kRowKeyBytesMax);
    last = key;
    image.emplace(key, value.text());
  });
  return image;
}

void put_into(Image& image, std::vector<Row>&& rows) {
  for (Row& row : rows) {
    if (row.value) {
      image.insert_or_assign(std::move(row.key), row.value->text());
    } else {
      image.erase(row.key);
    }
  }
}

// Whoever only checks the rows says the same of them as who builds a state of them.
std::variant<Store, std::string> load(const Base& base, const Image& image, uint64_t hash) {
  StoreLoader loader(base);
  StateCheck check(base);
  for (const auto& [key, value] : image) {
    std::optional<std::string> error = loader.add(key, value);
    RC_ASSERT(check.add(key, value) == error);
    if (error) return *error;
  }
  const std::optional<std::string> fault = check.fault(hash);
  std::variant<Store, std::string> loaded = std::move(loader).finish(hash);
  RC_ASSERT(fault.has_value() == std::holds_alternative<std::string>(loaded));
  if (fault) RC_ASSERT(*fault == std::get<std::string>(loaded));
  return loaded;
}

// A life of everything that a log may decide, dense enough that names meet.
class Life {
 public:
  explicit Life(uint64_t seed) : random_(seed) {}

  Entry next(const Store& store) {
    stamp_.lease_ms += static_cast<int64_t>(pick(20) == 0 ? 3'600'000 * pick(30) : pick(5'000));
    stamp_.wall_ms += static_cast<int64_t>(pick(5'000));
    Entry entry{
        store.applied().next(), Term{1 + store.applied().value / 40}, EntryKind::kCommand, stamp_, {}};
    const uint64_t kind = store.applied() == Index{} ? 0 : pick(40);
    if (kind == 0) {
      Configuration configuration{{{1, 2}}, {}};
      for (uint64_t i = 1; i <= 3; ++i) {
        const NodeId id(1, static_cast<char>('a' + i));
        const uint64_t incarnation = store.applied() == Index{} || pick(3) > 0 ? i : 10 * i + pick(3);
        configuration.members.push_back({id, Incarnation{incarnation}, "", "", Standing::kVoter});
      }
      entry.kind = EntryKind::kConfiguration;
      entry.payload = Blob(encode_configuration(configuration));
    } else if (kind == 1) {
      entry.kind = EntryKind::kLeader;
      entry.payload = Blob(encode_leader_record({"b", LeaderCause::kCrash}));
    } else {
      entry.payload = Blob(encode_command(command()));
    }
    return entry;
  }
  uint64_t pick(uint64_t bound) { return random_.below(bound); }

 private:
  std::string name(const char* kind, uint64_t of) { return kind + std::to_string(pick(of)); }

  Command command() {
    const uint64_t node = 1 + pick(3);
    uint64_t& sequence = sequences_[node];
    sequence += pick(3);
    Command command{
        {Incarnation{node}, sequence, sequence - std::min<uint64_t>(sequence, pick(20))}, {}, op()};
    if (pick(4) == 0) command.idempotency = IdempotencyKey{name("u", 3), name("k", 40), pick(3)};
    return command;
  }
  WriteOp op() {
    switch (pick(8)) {
      case 5:
        return restore();
      case 6:
      case 7:
        return table();
      case 0:
        return DeleteOp{name("ns", 3), name("key", 25), {}};
      case 1:
        return BatchOp{name("ns", 3),
                       {},
                       {{StepKind::kPut, name("key", 25), Blob("x"), ""},
                        {StepKind::kDeletePrefix, name("key", 3), {}, ""},
                        {StepKind::kGet, name("key", 25), {}, ""}},
                       {}};
      case 2:
        return account();
      case 3:
        return member();
      default:
        return PutOp{name("ns", 3), name("key", 25), Blob(std::string(pick(200), 'v')), "text/plain", {}};
    }
  }
  MemberOp member() {
    const NodeId id(1, static_cast<char>('b' + pick(8)));
    if (pick(4) == 0) return RemoveNodeOp{id, pick(2) == 0};
    return AdmitNodeOp{id, Incarnation{pick(40)}, name("p", 3), name("q", 3), "b", Incarnation{pick(40)}};
  }
  // Of few sites with few addresses, so that names, policies and verdicts meet.
  TableOp table() {
    const std::string site = name("site", 4);
    const auto maybe = [&]() -> std::optional<Index> {
      return pick(6) == 0 ? std::optional(Index{pick(40)}) : std::nullopt;
    };
    switch (pick(10)) {
      case 0:
        return OpenTablesOp{1};
      case 1:
      case 2: {
        PutSiteOp op{site, pick(2) == 0, {name("name", 5), {}, static_cast<uint32_t>(pick(3))}, maybe()};
        for (uint64_t i = pick(4); i > 0; --i)
          op.fields.endpoints.push_back(
              {"h" + std::to_string(i) + ":" + std::to_string(1 + pick(2)), "lte", pick(9)});
        return op;
      }
      case 3:
        return DeleteSiteOp{site, maybe()};
      case 4:
      case 5: {
        PutPolicyOp op{name("policy", 3), pick(2) == 0, {}, maybe()};
        op.fields.name = name("name", 4);
        op.fields.source_site = site;
        op.fields.destination_site = name("site", 4);
        return op;
      }
      case 6:
        return DeletePolicyOp{name("policy", 3), maybe()};
      default: {
        VerdictsOp op;
        for (uint64_t i = pick(4); i > 0; --i) {
          op.endpoints.push_back({name("site", 4), address(), pick(2) == 0, static_cast<int64_t>(pick(50))});
          op.paths.push_back({{name("site", 4), address(), name("site", 4), address()},
                              static_cast<PathStatus>(1 + pick(3)),
                              7,
                              8,
                              9,
                              static_cast<uint8_t>(pick(101))});
        }
        return op;
      }
    }
  }
  std::string address() { return "h" + std::to_string(1 + pick(3)) + ":" + std::to_string(1 + pick(2)); }
  // A restore on its way: pieces as they should come, now and then one again or too early, or given up.
  RestoreOp restore() {
    const bool is_over = at_ > plan_.size();
    if (plan_.empty() || is_over || pick(60) == 0) {
      plan_.clear();
      sum_ = {};
      at_ = 0;
      ++restores_;
      std::map<std::pair<std::string, std::string>, std::string> rows;
      for (uint64_t i = pick(20); i > 0; --i)
        rows[{name("ns", 3), name("key", 25)}] = std::string(pick(200), 'r');
      std::string piece;
      for (const auto& [key, value] : rows) {
        put_staged(piece, {key.first, key.second, "text/plain", value});
        if (pick(3) == 0) continue;
        plan_.push_back(std::exchange(piece, {}));
      }
      if (!piece.empty() || plan_.empty()) plan_.push_back(piece);
      for (const std::string& one : plan_) (void)sum_.add(one);
      return BeginRestoreOp{id(), Index{7}, 8, {{1, 2}}, sum_.rows};
    }
    if (pick(12) == 0) return DropStagedOp{id(), pick(3) > 0};
    if (pick(8) == 0) return StageRowsOp{id(), 1 + pick(5), Blob(plan_[pick(plan_.size())])};
    if (at_ < plan_.size()) {
      ++at_;
      return StageRowsOp{id(), at_, Blob(plan_[at_ - 1])};
    }
    ++at_;
    return FinishRestoreOp{id(), sum_.rows, sum_.hash, pick(2) == 0};
  }
  std::string id() const { return "r" + std::to_string(restores_); }
  AccountOp account() {
    const std::string user = name("u", 4);
    const std::string session = name("s", 12);
    switch (pick(9)) {
      case 0:
        return CreateUserOp{user, user + "@x", "N", UserRole::kAdmin, "p", false};
      case 1: {
        UpdateUserOp op;
        op.id = user;
        op.email = name("e", 6);
        return op;
      }
      case 2:
        return DeleteUserOp{user, {}};
      case 3:
        return RefreshSessionOp{session, 1 + pick(3), stamp_.lease_ms};
      case 4:
        return EndSessionsOp{user, pick(2) == 0 ? session : "", ""};
      case 5:
        return TouchSessionsOp{{session, name("s", 12)}};
      case 6:
        return ExpireSessionsOp{};
      case 7: {
        const std::string last = key_;
        key_ = name("g", 1000);
        return AddSigningKeyOp{key_, "public", "wrapped", last};
      }
      default:
        return OpenSessionOp{session, user, 1, 7'200'000, 600'000'000, "::1", "browser"};
    }
  }

  Random random_;
  Stamp stamp_{0, 1};
  std::map<uint64_t, uint64_t> sequences_;
  std::string key_;
  std::vector<std::string> plan_;  // the pieces of the restore under way
  StagedSum sum_;
  size_t at_ = 0;
  uint64_t restores_ = 0;
};

void live(Life& life, Store& store, uint64_t entries) {
  for (uint64_t i = 0; i < entries; ++i) (void)store.apply(life.next(store));
}

// The image is what for_each_row says of the state at the moment the checkpoint began, however much was
// applied while its rows were taken.
RC_GTEST_PROP(Rows, ChangesKeepAnImage, (uint64_t seed)) {
  Life life(seed);
  Store store;
  Image image;
  for (int round = 0; round < 12; ++round) {
    live(life, store, life.pick(60));
    // Now and then the image is lost, and written anew.
    if (life.pick(4) == 0) {
      image.clear();
      // Keys come and go while they are marked.
      while (!store.mark_rows(1 + life.pick(20))) live(life, store, life.pick(3));
    }
    store.begin_changes();
    const Image expected = image_of(store);
    bool more = true;
    while (more) {
      std::vector<Row> rows;
      more = store.take_changes({1 + life.pick(6), 1 + life.pick(500)}, rows);
      put_into(image, std::move(rows));
      live(life, store, life.pick(5));
    }
    const bool same = image == expected;
    RC_ASSERT(same);
  }
  RC_TAG(store.accounts().session_count() > 0 ? "sessions" : "no sessions");
  RC_TAG(store.members().wanted().size() > 3 ? "members" : "founders");
  RC_TAG(!store.staging().last()                                   ? "no restore"
         : store.staging().last()->stage == RestoreStage::kDone    ? "restored"
         : store.staging().last()->stage == RestoreStage::kStaging ? "staging"
                                                                   : "given up");
}

RC_GTEST_PROP(Rows, ALoadedStateIsTheSame, (uint64_t seed)) {
  Life life(seed);
  Store store;
  live(life, store, life.pick(400));
  std::variant<Store, std::string> loaded = load(store.base(), image_of(store), store.hash());
  if (const auto* error = std::get_if<std::string>(&loaded)) RC_FAIL(*error);
  auto& twin = std::get<Store>(loaded);
  RC_ASSERT(twin.base() == store.base());
  RC_ASSERT(twin.bytes() == store.bytes());
  RC_ASSERT(twin.keys() == store.keys());
  RC_ASSERT(twin.staging().bytes() == store.staging().bytes());
  // Nothing of it is to be written again, and it goes on as the other does.
  twin.begin_changes();
  std::vector<Row> rows;
  RC_ASSERT(!twin.take_changes({1, 1}, rows));
  RC_ASSERT(rows.empty());
  for (int i = 0; i < 200; ++i) {
    const Entry entry = life.next(store);
    RC_ASSERT(store.apply(entry).result == twin.apply(entry).result);
    RC_ASSERT(store.hash() == twin.hash());
    RC_ASSERT(store.bytes() == twin.bytes());
  }
  const bool same = image_of(store) == image_of(twin);
  RC_ASSERT(same);
  RC_ASSERT(store.history().changes == twin.history().changes);
  RC_ASSERT(store.members().wanted() == twin.members().wanted());
  RC_ASSERT(store.members().configuration() == twin.members().configuration());
}

RC_GTEST_PROP(Rows, GarbageIsRefusedWithAReason, (uint64_t seed)) {
  Life life(seed);
  Store store;
  live(life, store, 1 + life.pick(300));
  Image image = image_of(store);
  auto victim = image.begin();
  std::advance(victim, static_cast<std::ptrdiff_t>(life.pick(image.size())));
  switch (life.pick(5)) {
    case 0:
      image.erase(victim);
      break;
    case 1:
      victim->second = *rc::gen::arbitrary<std::string>();
      break;
    case 2:
      victim->second.resize(life.pick(victim->second.size() + 1));
      break;
    case 3:
      if (victim->second.empty()) return;
      victim->second[life.pick(victim->second.size())] ^= static_cast<char>(1 << life.pick(8));
      break;
    default: {
      auto node = image.extract(victim);
      node.key()[life.pick(node.key().size())] ^= static_cast<char>(1 << life.pick(8));
      image.insert(std::move(node));
    }
  }
  const std::variant<Store, std::string> loaded = load(store.base(), image, store.hash());
  if (const auto* built = std::get_if<Store>(&loaded)) {
    const bool same = image_of(*built) == image_of(store);
    RC_ASSERT(same);
  } else {
    RC_ASSERT(!std::get<std::string>(loaded).empty());
  }
}

TEST(Rows, AnythingAtAllIsRefused) {
  rc::check([](const std::vector<std::pair<std::string, std::string>>& rows) {
    StoreLoader loader(Base{});
    for (const auto& [key, value] : rows) {
      if (loader.add(key, value)) return;
    }
    (void)std::move(loader).finish(0);
  });
}

TEST(Rows, MustBeInOrder) {
  StoreLoader loader(Base{Index{9}, Term{1}, {}, {}, {}});
  const std::string one = row_key(RowKind::kKey, std::string_view("n\0a", 3));
  Image value;
  RowValue record;
  Writer out(record.head);
  for (int i = 0; i < 3; ++i) out.u64(1);
  out.bytes("");
  EXPECT_EQ(loader.add(one, record.head), std::nullopt);
  EXPECT_EQ(loader.add(one, record.head), "rows are not in order");
}

// A value of a megabyte is one row, taken alone, and shared with the state.
TEST(Rows, AreTakenWithinABudgetButAtLeastOne) {
  Life life(1);
  Store store;
  live(life, store, 1);
  for (uint64_t i = 1; i <= 3; ++i) {
    const Command put{
        {Incarnation{2}, i, 1},
        {},
        PutOp{"n", "k" + std::to_string(i), Blob(std::string(limits::kValueBytesMax, 'x')), "", {}}};
    (void)store.apply({store.applied().next(), Term{1}, EntryKind::kCommand, {}, Blob(encode_command(put))});
  }
  store.begin_changes();
  size_t pieces = 0;
  bool more = true;
  while (more) {
    std::vector<Row> rows;
    more = store.take_changes({100, 1000}, rows);
    ++pieces;
    size_t large = 0;
    for (const Row& row : rows) large += row.value && row.value->size() > limits::kValueBytesMax ? 1U : 0U;
    EXPECT_LE(large, 1U);
  }
  EXPECT_GE(pieces, 3U);
}

TEST(Rows, ABaseSurvivesItsEncoding) {
  rc::check([](uint64_t seed) {
    Life life(seed);
    Store store;
    live(life, store, life.pick(100));
    std::string bytes;
    Writer out(bytes);
    encode(out, store.base());
    Reader in(bytes);
    RC_ASSERT(decode_base(in) == store.base());
    RC_ASSERT(in.done());
    Reader cut(std::string_view(bytes).substr(0, life.pick(bytes.size())));
    (void)decode_base(cut);
    RC_ASSERT(!cut.ok());
  });
}

}  // namespace
}  // namespace patronus::rows_test
