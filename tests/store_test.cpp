// The replicated state against a plain model of it: numbers, conditions, batches, quota, and a hash that
// tells states apart.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/base/limits.h"
#include "core/base/mutant.h"
#include "core/raft/configuration.h"
#include "core/raft/leader_record.h"
#include "core/state/store.h"

namespace patronus::store_test {
namespace {

constexpr Incarnation kOrigin{11};
constexpr int64_t kKeptMs =
    std::chrono::duration_cast<std::chrono::milliseconds>(limits::kKeyedWriteKept).count();

// Feeds a store entries with the right indexes; its first entry makes the origin a member.
class Feeder {
 public:
  Feeder() {
    const Configuration configuration{{{1, 2}}, {{"a", kOrigin, "a:1", "a:2", Standing::kVoter}}};
    apply(EntryKind::kConfiguration, encode_configuration(configuration));
  }

  Applied apply(EntryKind kind, std::string payload, Stamp stamp = {}) {
    return store.apply({store.applied().next(), Term{1}, kind, stamp, Blob(std::move(payload))});
  }
  WriteResult write(WriteOp op, std::optional<IdempotencyKey> key = {}, int64_t lease_ms = 0) {
    ++sequence_;
    const Command command{{kOrigin, sequence_, sequence_}, std::move(key), std::move(op)};
    return apply(EntryKind::kCommand, encode_command(command), {lease_ms, 0}).result;
  }
  Outcome put(const std::string& key, std::string value, Expected expected = {}) {
    return write(PutOp{"n", key, Blob(std::move(value)), "t", expected}).outcome;
  }

  Store store;

 private:
  uint64_t sequence_ = 0;
};

BatchStep step(StepKind kind, std::string key, std::string value = "") {
  return {kind, std::move(key), Blob(std::move(value)), ""};
}

// ---- The model: a map, and the rules written down as plainly as they can be.

struct ModelRecord {
  std::string value;
  uint64_t created = 0;
  uint64_t modified = 0;
  uint64_t version = 0;
};
using Model = std::map<std::string, ModelRecord>;

bool matches(const Model& model, const std::string& key, const Expected& expected) {
  if (!expected) return true;
  const auto at = model.find(key);
  return (at == model.end() ? 0 : at->second.modified) == expected->value;
}

ModelRecord& model_put(Model& model, const std::string& key, std::string_view value, uint64_t at) {
  ModelRecord& record = model[key];
  if (record.version == 0) record.created = at;
  record.value = value;
  record.modified = at;
  ++record.version;
  return record;
}

template <typename T>
bool relates(CompareRelation relation, const T& a, const T& b) {
  switch (relation) {
    case CompareRelation::kEqual:
      return a == b;
    case CompareRelation::kNotEqual:
      return a != b;
    case CompareRelation::kLess:
      return a < b;
    default:
      return a > b;
  }
}

bool model_holds(const Model& model, const Compare& c) {
  const auto at = model.find(c.key);
  const bool there = at != model.end();
  switch (c.target) {
    case CompareTarget::kExists:
      return relates<uint64_t>(c.relation, there ? 1 : 0, c.number);
    case CompareTarget::kVersion:
      return relates<uint64_t>(c.relation, there ? at->second.version : 0, c.number);
    case CompareTarget::kModRevision:
      return relates<uint64_t>(c.relation, there ? at->second.modified : 0, c.number);
    default:
      if (!there) return c.relation == CompareRelation::kNotEqual;
      return relates<std::string>(c.relation, at->second.value, std::string(c.value.view()));
  }
}

uint64_t model_delete_prefix(Model& model, const std::string& prefix) {
  return std::erase_if(model, [&](const auto& one) { return one.first.starts_with(prefix); });
}

std::optional<Record> numbers(const ModelRecord& r) {
  return Record{{}, "", Index{r.created}, Index{r.modified}, r.version};
}
std::optional<Record> whole(const Model& model, const std::string& key) {
  const auto at = model.find(key);
  if (at == model.end()) return std::nullopt;
  const ModelRecord& r = at->second;
  return Record{Blob(r.value), "", Index{r.created}, Index{r.modified}, r.version};
}

WriteResult model_write(Model& model, const PutOp& op, uint64_t at) {
  WriteResult result;
  result.revision = Index{at};
  const auto old = model.find(op.key);
  if (!matches(model, op.key, op.expected)) {
    result.outcome = Outcome::kPreconditionFailed;
    if (old != model.end()) result.record = *numbers(old->second);
    return result;
  }
  result.created = old == model.end();
  result.record = *numbers(model_put(model, op.key, op.value.view(), at));
  return result;
}

WriteResult model_write(Model& model, const DeleteOp& op, uint64_t at) {
  WriteResult result;
  result.revision = Index{at};
  const auto old = model.find(op.key);
  if (!matches(model, op.key, op.expected)) {
    result.outcome = Outcome::kPreconditionFailed;
    if (old != model.end()) result.record = *numbers(old->second);
  } else if (model.erase(op.key) == 0) {
    result.outcome = Outcome::kNotFound;
  }
  return result;
}

WriteResult model_write(Model& model, const BatchOp& op, uint64_t at) {
  WriteResult result;
  result.revision = Index{at};
  for (size_t i = 0; i < op.compare.size() && result.succeeded; ++i) {
    result.succeeded = model_holds(model, op.compare[i]);
    if (!result.succeeded) result.failed_compare = static_cast<uint32_t>(i);
  }
  if (!result.succeeded && !op.otherwise) {
    result.outcome = Outcome::kCompareFailed;
    return result;
  }
  for (const BatchStep& s : result.succeeded ? op.then : *op.otherwise) {
    StepResult done{s.kind, s.key, std::nullopt, 0};
    switch (s.kind) {
      case StepKind::kPut:
        done.record = numbers(model_put(model, s.key, s.value.view(), at));
        break;
      case StepKind::kGet:
        done.record = whole(model, s.key);
        break;
      case StepKind::kDelete:
        done.deleted = model.erase(s.key);
        break;
      case StepKind::kDeletePrefix:
        done.deleted = model_delete_prefix(model, s.key);
        break;
    }
    result.steps.push_back(std::move(done));
  }
  return result;
}

// ---- Few keys and few values, so that operations meet.

std::string any_key() { return *rc::gen::element<std::string>("a", "ab", "abc", "b", "ba", "c"); }
std::string any_value() { return *rc::gen::element<std::string>("", "x", "y", "\xff"); }
uint64_t any_number(uint64_t now) { return *rc::gen::inRange<uint64_t>(0, now + 1); }

Expected any_expected(const Model& model, const std::string& key, uint64_t now) {
  const auto at = model.find(key);
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return Index{any_number(now)};
    case 1:
      return Index{at == model.end() ? 0 : at->second.modified};
    default:
      return std::nullopt;
  }
}

std::vector<BatchStep> any_steps() {
  std::vector<BatchStep> steps(*rc::gen::inRange<size_t>(0, 5));
  for (BatchStep& s : steps) {
    s.kind = static_cast<StepKind>(*rc::gen::inRange(1, 5));
    s.key =
        s.kind == StepKind::kDeletePrefix ? *rc::gen::element<std::string>("", "a", "ab", "z") : any_key();
    if (s.kind == StepKind::kPut) s.value = Blob(any_value());
  }
  return steps;
}

BatchOp any_batch(uint64_t now) {
  BatchOp op{"n", {}, any_steps(), std::nullopt};
  op.compare.resize(*rc::gen::inRange<size_t>(0, 3));
  for (Compare& c : op.compare) {
    c = {any_key(), static_cast<CompareTarget>(*rc::gen::inRange(1, 5)),
         static_cast<CompareRelation>(*rc::gen::inRange(1, 5)), 0, Blob(any_value())};
    c.number = c.target == CompareTarget::kModRevision ? any_number(now) : any_number(2);
  }
  if (*rc::gen::arbitrary<bool>()) op.otherwise = any_steps();
  return op;
}

WriteOp any_write(const Model& model, uint64_t now) {
  const std::string key = any_key();
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return DeleteOp{"n", key, any_expected(model, key, now)};
    case 1:
      return any_batch(now);
    default:
      return PutOp{"n", key, Blob(any_value()), "", any_expected(model, key, now)};
  }
}

void same_content(const Store& store, const Model& model) {
  RC_ASSERT(store.keys() == model.size());
  const ListPage all = store.list({"n", "", "", 1000, false});
  RC_ASSERT(all.items.size() == model.size());
  RC_ASSERT(!all.more);
  size_t i = 0;
  for (const auto& [key, record] : model) {
    RC_ASSERT(all.items[i].key == key);
    RC_ASSERT(std::optional(all.items[i].record) == whole(model, key));
    RC_ASSERT(*store.get("n", key) == all.items[i].record);
    ++i;
  }
}

// Accounts, members and restores have tests of their own.
WriteResult model_write(Model&, const AccountOp&, uint64_t) { return {}; }
WriteResult model_write(Model&, const MemberOp&, uint64_t) { return {}; }
WriteResult model_write(Model&, const RestoreOp&, uint64_t) { return {}; }
WriteResult model_write(Model&, const TableOp&, uint64_t) { return {}; }

RC_GTEST_PROP(StoreModel, EveryWriteDoesWhatTheModelDoes, ()) {
  Feeder feeder;
  Model model;
  const int steps = *rc::gen::inRange(1, 40);
  for (int i = 0; i < steps; ++i) {
    const uint64_t at = feeder.store.applied().value + 1;
    const WriteOp op = any_write(model, at);
    const WriteResult expected = std::visit([&](const auto& one) { return model_write(model, one, at); }, op);
    RC_ASSERT(feeder.write(op) == expected);
    same_content(feeder.store, model);
  }
}

// Page by page with any limit gives what one page would, and only the last says that there is no more.
RC_GTEST_PROP(StoreModel, PagesTogetherAreTheWholeList, ()) {
  Feeder feeder;
  const auto keys = *rc::gen::container<std::vector<std::string>>(
      rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'))));
  Model model;
  for (const std::string& key : keys) {
    feeder.put(key, "v");
    model[key] = {};
  }
  const std::string prefix = *rc::gen::element<std::string>("", "a", "ab", "c");
  std::erase_if(model, [&](const auto& one) { return !one.first.starts_with(prefix); });
  const auto limit = *rc::gen::inRange<size_t>(1, 5);
  std::vector<std::string> listed;
  ListPage page;
  std::string cursor;
  do {
    page = feeder.store.list({"n", prefix, cursor, limit, true});
    RC_ASSERT(page.items.size() <= limit);
    for (const ListItem& item : page.items) {
      RC_ASSERT(item.record.value.empty());
      listed.push_back(item.key);
    }
    if (!listed.empty()) cursor = listed.back();
  } while (page.more);
  std::vector<std::string> expected;
  for (const auto& [key, record] : model) expected.push_back(key);
  RC_ASSERT(listed == expected);
}

TEST(Store, APageIsCutAtItsBytesButHoldsAnItem) {
  Feeder feeder;
  for (const char* key : {"a", "b", "c"}) feeder.put(key, std::string(limits::kValueBytesMax, 'v'));
  const ListPage page = feeder.store.list({"n", "", "", 100, false});
  EXPECT_EQ(page.items.size(), 1U);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(feeder.store.list({"n", "", "", 100, true}).items.size(), 3U) << "keys alone are small";
  EXPECT_EQ(feeder.store.list({"n", "", "b", 100, false}).items[0].key, "c");
}

TEST(Store, NamespacesAreApart) {
  Feeder feeder;
  feeder.write(PutOp{"one", "k", Blob("1"), "", {}});
  feeder.write(PutOp{"two", "k", Blob("2"), "", {}});
  EXPECT_EQ(feeder.store.get("one", "k")->value.view(), "1");
  EXPECT_EQ(feeder.store.get("two", "k")->value.view(), "2");
  EXPECT_EQ(feeder.store.get("onet", "k"), nullptr);
  feeder.write(BatchOp{"one", {}, {step(StepKind::kDeletePrefix, "")}, {}});
  EXPECT_EQ(feeder.store.get("one", "k"), nullptr);
  EXPECT_NE(feeder.store.get("two", "k"), nullptr);
}

// Deleting all that was put leaves no cost behind, or a store would fill up with nothing in it.
RC_GTEST_PROP(StoreModel, NothingCostsNothing, ()) {
  Feeder feeder;
  const size_t empty = feeder.store.bytes();
  Model model;
  for (int i = 0; i < 20; ++i) feeder.write(any_write(model, feeder.store.applied().value));
  feeder.write(BatchOp{"n", {}, {step(StepKind::kDeletePrefix, "")}, {}});
  RC_ASSERT(feeder.store.bytes() == empty);
  RC_ASSERT(feeder.store.keys() == 0U);
}

// ---- All or nothing.

TEST(Store, ABatchWithOneStepRefusedDoesNothing) {
  Feeder feeder;
  feeder.put("a", "1");
  const WriteResult result = feeder.write(
      BatchOp{"n", {}, {step(StepKind::kDelete, "a"), step(StepKind::kPut, "bad\nkey", "x")}, {}});
  EXPECT_EQ(result.outcome, Outcome::kRefused);
  EXPECT_TRUE(result.steps.empty());
  EXPECT_EQ(feeder.store.get("n", "a")->value.view(), "1");
}

TEST(Store, ABatchThatWouldReturnTooMuchDoesNothing) {
  Feeder feeder;
  feeder.put("big", std::string(limits::kValueBytesMax, 'v'));
  const std::vector<BatchStep> steps{step(StepKind::kPut, "new", "x"), step(StepKind::kGet, "big"),
                                     step(StepKind::kGet, "big")};
  EXPECT_EQ(feeder.write(BatchOp{"n", {}, steps, {}}).outcome, Outcome::kTooLarge);
  EXPECT_EQ(feeder.store.get("n", "new"), nullptr);
}

// A get sees what an earlier step of its batch put, so that counts towards what is returned as well.
TEST(Store, WhatABatchPutsAndGetsCountsAsReturned) {
  Feeder feeder;
  const BatchStep put = step(StepKind::kPut, "k", std::string(9 * limits::kKiB, 'v'));
  const std::vector<BatchStep> steps{put, step(StepKind::kGet, "k"), step(StepKind::kGet, "k")};
  EXPECT_EQ(feeder.write(BatchOp{"n", {}, steps, {}}, IdempotencyKey{"", "i", 1}).outcome,
            Outcome::kTooLarge);
  EXPECT_EQ(feeder.store.get("n", "k"), nullptr);
}

TEST(Store, DeletePrefixIsBounded) {
  Feeder feeder;
  for (size_t i = 0; i <= limits::kDeletePrefixKeysMax; ++i) feeder.put("p" + std::to_string(i), "");
  const BatchOp all{"n", {}, {step(StepKind::kDeletePrefix, "p")}, {}};
  EXPECT_EQ(feeder.write(all).outcome, Outcome::kTooLarge);
  EXPECT_EQ(feeder.store.keys(), limits::kDeletePrefixKeysMax + 1);
  feeder.write(DeleteOp{"n", "p0", {}});
  const WriteResult result = feeder.write(all);
  EXPECT_EQ(result.outcome, Outcome::kOk);
  EXPECT_EQ(result.steps[0].deleted, limits::kDeletePrefixKeysMax);
  EXPECT_EQ(feeder.store.keys(), 0U);
}

TEST(Store, RefusesNamesThatMayNotBeWritten) {
  Feeder feeder;
  EXPECT_EQ(feeder.write(PutOp{"_sys", "k", {}, "", {}}).outcome, Outcome::kRefused);
  EXPECT_EQ(feeder.write(PutOp{"n", "", {}, "", {}}).outcome, Outcome::kRefused);
  EXPECT_EQ(feeder.write(BatchOp{"", {}, {step(StepKind::kPut, "k")}, {}}).outcome, Outcome::kRefused);
  EXPECT_EQ(feeder.store.keys(), 0U);
}

// A command that does not decode is skipped by every replica alike; the log goes on.
TEST(Store, SkipsACommandThatIsNone) {
  Feeder feeder;
  const Applied applied = feeder.apply(EntryKind::kCommand, "nonsense");
  EXPECT_FALSE(applied.origin);
  EXPECT_EQ(feeder.store.applied(), Index{2});
  EXPECT_EQ(feeder.put("a", "1"), Outcome::kOk);
}

// ---- The quota.

class StoreQuota : public ::testing::Test {
 protected:
  // Fills the state to less than one full value below the quota.
  StoreQuota() {
    const std::string value(limits::kValueBytesMax, 'v');
    for (size_t i = 0; feeder.put("full" + std::to_string(i), value) == Outcome::kOk; ++i) continue;
  }

  Feeder feeder;
};

TEST_F(StoreQuota, ARefusalLeavesStateAndHashAsTheyWere) {
  // The content of the refused command must not matter, only that one came: so two stores are compared of
  // which one is refused and the other fails on a condition.
  const size_t bytes = feeder.store.bytes();
  const size_t keys = feeder.store.keys();
  EXPECT_LE(bytes, limits::kStateBytesMax);
  Store refused = feeder.store;
  Store failed = feeder.store;
  const auto apply = [](Store& store, Expected expected) {
    const Command command{
        {kOrigin, 100'000, 100'000},
        {},
        PutOp{"n", "one more", Blob(std::string(limits::kValueBytesMax, 'v')), "", expected}};
    return store
        .apply({store.applied().next(), Term{1}, EntryKind::kCommand, {}, Blob(encode_command(command))})
        .result.outcome;
  };
  EXPECT_EQ(apply(refused, {}), Outcome::kQuotaExceeded);
  EXPECT_EQ(apply(failed, Index{77}), Outcome::kPreconditionFailed);
  EXPECT_EQ(refused.bytes(), bytes);
  EXPECT_EQ(refused.keys(), keys);
  EXPECT_EQ(refused.get("n", "one more"), nullptr);
  EXPECT_EQ(refused.hash(), failed.hash());
}

TEST_F(StoreQuota, ABatchThatDoesNotFitDoesNothing) {
  const size_t keys = feeder.store.keys();
  const BatchOp batch{
      "n",
      {},
      {step(StepKind::kDelete, "full0"), step(StepKind::kPut, "x", std::string(limits::kValueBytesMax, 'v'))},
      {}};
  EXPECT_EQ(feeder.write(batch).outcome, Outcome::kQuotaExceeded);
  EXPECT_EQ(feeder.store.keys(), keys);
  EXPECT_NE(feeder.store.get("n", "full0"), nullptr);
}

// A full store must be able to become less full.
TEST_F(StoreQuota, DeletingMakesRoom) {
  EXPECT_EQ(feeder.write(DeleteOp{"n", "full0", {}}).outcome, Outcome::kOk);
  EXPECT_EQ(feeder.put("again", std::string(limits::kValueBytesMax, 'v')), Outcome::kOk);
}

// The refusal for want of room says nothing of the request, so the key may be used again once there is room.
TEST_F(StoreQuota, ARefusalIsNotKeptUnderItsKey) {
  const PutOp big{"n", "k", Blob(std::string(limits::kValueBytesMax, 'v')), "", {}};
  EXPECT_EQ(feeder.write(big, IdempotencyKey{"", "i", 1}).outcome, Outcome::kQuotaExceeded);
  feeder.write(DeleteOp{"n", "full0", {}});
  EXPECT_EQ(feeder.write(big, IdempotencyKey{"", "i", 1}).outcome, Outcome::kOk);
}

// The quota is of keys, values and kept answers, so keeping answers must stop at it too: a batch of gets adds
// no key, but its answer is kept.
TEST_F(StoreQuota, KeptAnswersStayWithinIt) {
  feeder.put("fill", std::string(limits::kStateBytesMax - feeder.store.bytes() - 20 * limits::kKiB, 'v'));
  feeder.write(DeleteOp{"n", "full0", {}});
  feeder.put("answer", std::string(15 * limits::kKiB, 'v'));
  for (int i = 0; i < 200; ++i) {
    (void)feeder.write(BatchOp{"n", {}, {step(StepKind::kGet, "answer")}, {}},
                       IdempotencyKey{"", std::to_string(i), 1});
  }
  EXPECT_LE(feeder.store.bytes(), limits::kStateBytesMax);
}

// ---- Writes with a client's key.

IdempotencyKey key(const std::string& name, uint64_t body = 1) { return {"u", name, body}; }

TEST(StoreKeyed, ARepeatedRequestIsAnsweredAndNotDone) {
  Feeder feeder;
  const PutOp put{"n", "k", Blob("1"), "", {}};
  const WriteResult first = feeder.write(put, key("i"));
  EXPECT_TRUE(first.created);
  feeder.put("k", "2");
  EXPECT_EQ(feeder.write(put, key("i")), first) << "with the revision it had";
  EXPECT_EQ(feeder.store.get("n", "k")->value.view(), "2");
}

TEST(StoreKeyed, AFailureIsAnAnswerToo) {
  Feeder feeder;
  const PutOp put{"n", "k", Blob("1"), "", Index{99}};
  const WriteResult first = feeder.write(put, key("i"));
  EXPECT_EQ(first.outcome, Outcome::kPreconditionFailed);
  EXPECT_EQ(feeder.write(put, key("i")), first);
}

TEST(StoreKeyed, AnotherRequestUnderTheKeyIsRefusedAndNotDone) {
  Feeder feeder;
  feeder.write(PutOp{"n", "k", Blob("1"), "", {}}, key("i", 1));
  EXPECT_EQ(feeder.write(PutOp{"n", "k", Blob("2"), "", {}}, key("i", 2)).outcome, Outcome::kKeyReused);
  EXPECT_EQ(feeder.store.get("n", "k")->value.view(), "1");
}

TEST(StoreKeyed, ARefusedRequestIsNotKept) {
  Feeder feeder;
  EXPECT_EQ(feeder.write(PutOp{"_n", "k", {}, "", {}}, key("i", 1)).outcome, Outcome::kRefused);
  EXPECT_EQ(feeder.write(PutOp{"n", "k", {}, "", {}}, key("i", 2)).outcome, Outcome::kOk);
}

// Only lease time counts: the entry's wall clock may say anything.
TEST(StoreKeyed, TheAnswerIsForgottenByLeaseTime) {
  Feeder feeder;
  const PutOp put{"n", "k", Blob("1"), "", {}};
  const WriteResult first = feeder.write(put, key("i"), 1000);
  EXPECT_EQ(feeder.write(put, key("i"), 1000 + kKeptMs - 1), first);
  const WriteResult again = feeder.write(put, key("i"), 1000 + kKeptMs);
  EXPECT_FALSE(again.created);
  EXPECT_EQ(again.record.version, 2U);
}

TEST(StoreKeyed, AtItsCapAUserIsRefusedAndNothingIsDone) {
  Feeder feeder;
  for (size_t i = 0; i < limits::kKeyedWritesPerUserMax; ++i) {
    feeder.write(DeleteOp{"n", "absent", {}}, key(std::to_string(i)));
  }
  const PutOp put{"n", "k", Blob("1"), "", {}};
  EXPECT_EQ(feeder.write(put, key("one more")).outcome, Outcome::kKeyCapReached);
  EXPECT_EQ(feeder.store.get("n", "k"), nullptr);
  EXPECT_EQ(feeder.write(put).outcome, Outcome::kOk) << "without a key it may be done";
  EXPECT_EQ(feeder.write(put, IdempotencyKey{"v", "i", 1}).outcome, Outcome::kOk)
      << "others have caps of their own";
}

TEST(StoreKeyed, AKeyedBatchWithALargeAnswerIsRefused) {
  Feeder feeder;
  feeder.put("big", std::string(limits::kKeyedAnswerBytesMax, 'v'));
  const BatchOp get{"n", {}, {step(StepKind::kGet, "big")}, {}};
  EXPECT_EQ(feeder.write(get, key("i")).outcome, Outcome::kTooLarge);
  EXPECT_EQ(feeder.write(get).outcome, Outcome::kOk) << "it is only too large to be kept";
}

// The bound is of the answer, so what describes the values counts like the values.
TEST(StoreKeyed, AKeptAnswerStaysWithinItsBound) {
  Feeder feeder;
  std::vector<BatchStep> gets;
  for (size_t i = 0; i < limits::kBatchOpsMax; ++i) {
    const std::string name = "k" + std::to_string(i);
    feeder.write(
        PutOp{"n", name, Blob(std::string(50, 'v')), std::string(limits::kContentTypeBytesMax, 't'), {}});
    gets.push_back(step(StepKind::kGet, name));
  }
  const WriteResult result = feeder.write(BatchOp{"n", {}, gets, {}}, key("i"));
  EXPECT_TRUE(result.outcome == Outcome::kTooLarge ||
              encode_result(result).size() <= limits::kKeyedAnswerBytesMax)
      << encode_result(result).size() << " bytes";
}

// ---- Writes that come through the log twice.

class StoreTwice : public ::testing::Test {
 protected:
#ifdef PATRONUS_MUTANTS
  // The mutant of the whole process is put back whatever a test does.
  void TearDown() override { active_mutant = Mutant::kNone; }
#endif
  // How often the key was written when one command comes through the log twice.
  static uint64_t version_after_two_copies() {
    Feeder feeder;
    const std::string command = encode_command({{kOrigin, 50, 1}, {}, PutOp{"n", "k", Blob("1"), "", {}}});
    const Applied first = feeder.apply(EntryKind::kCommand, command);
    const Applied second = feeder.apply(EntryKind::kCommand, command);
    EXPECT_EQ(first.origin, second.origin);
    return feeder.store.get("n", "k")->version;
  }
};

TEST_F(StoreTwice, TheSecondCopyIsNotDone) { EXPECT_EQ(version_after_two_copies(), 1U); }

#ifdef PATRONUS_MUTANTS
TEST_F(StoreTwice, TheMutantDoesItTwice) {
  active_mutant = Mutant::kNoDeduplication;
  EXPECT_EQ(version_after_two_copies(), 2U);
}
#endif

TEST(Store, AWriteOfAStrangersDirectoryIsNotDone) {
  Feeder feeder;
  const Command command{{Incarnation{99}, 1, 1}, {}, PutOp{"n", "k", Blob("1"), "", {}}};
  EXPECT_EQ(feeder.apply(EntryKind::kCommand, encode_command(command)).result.outcome, Outcome::kRefused);
  EXPECT_EQ(feeder.store.get("n", "k"), nullptr);
}

// ---- The hash.

// Puts that differ each from every other in what they leave behind.
std::vector<PutOp> any_puts() {
  std::vector<PutOp> puts(*rc::gen::inRange<size_t>(1, 15));
  for (PutOp& put : puts)
    put = {"n", any_key(), Blob(any_value()), *rc::gen::element<std::string>("", "t"), {}};
  return puts;
}

uint64_t hash_after(const std::vector<PutOp>& puts) {
  Feeder feeder;
  for (const PutOp& put : puts) feeder.write(put);
  return feeder.store.hash();
}

RC_GTEST_PROP(StoreHash, TheSameEntriesGiveTheSame, ()) {
  Feeder one;
  Feeder other;
  Model model;
  for (int i = 0; i < 20; ++i) {
    const WriteOp op = any_write(model, one.store.applied().value);
    const std::optional<IdempotencyKey> name =
        *rc::gen::arbitrary<bool>() ? std::optional(key(std::to_string(i % 5))) : std::nullopt;
    RC_ASSERT(one.write(op, name) == other.write(op, name));
    RC_ASSERT(one.store.hash() == other.store.hash());
  }
}

// The last put is what shows, so it is the one that is changed in any one of its parts.
RC_GTEST_PROP(StoreHash, OneDifferentEntryGivesAnother, ()) {
  std::vector<PutOp> puts = any_puts();
  const uint64_t before = hash_after(puts);
  PutOp& last = puts.back();
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      last.value = Blob(std::string(last.value.view()) + "!");
      break;
    case 1:
      last.content_type += "!";
      break;
    case 2:
      last.key += "!";
      break;
    case 3:
      last.ns += "!";
      break;
    default:
      last.expected = Index{9999};
      break;
  }
  if (last.ns == "n!") last.ns = "m";
  RC_ASSERT(hash_after(puts) != before);
}

// The same bytes may not move between key, value, type and namespace unseen.
TEST(StoreHash, ConfusesNoParts) {
  const auto hash = [](PutOp put) { return hash_after({std::move(put)}); };
  EXPECT_NE(hash({"n", "ab", Blob("c"), "", {}}), hash({"n", "a", Blob("bc"), "", {}}));
  EXPECT_NE(hash({"n", "ab", Blob("c"), "", {}}), hash({"na", "b", Blob("c"), "", {}}));
  EXPECT_NE(hash({"n", "a", Blob("b"), "c", {}}), hash({"n", "a", Blob("c"), "b", {}}));
}

// Two values that are swapped between two keys add up to the same bytes.
TEST(StoreHash, SeesSwappedValues) {
  EXPECT_NE(hash_after({{"n", "a", Blob("1"), "", {}}, {"n", "b", Blob("2"), "", {}}}),
            hash_after({{"n", "a", Blob("2"), "", {}}, {"n", "b", Blob("1"), "", {}}}));
}

TEST(StoreHash, MovesWithEveryEntry) {
  Feeder feeder;
  const uint64_t before = feeder.store.hash();
  feeder.apply(EntryKind::kCommand, "nonsense");
  EXPECT_NE(feeder.store.hash(), before);
}

// ---- The history of leaders.

std::string leader(const NodeId& id, LeaderCause cause = LeaderCause::kTimeout) {
  return encode_leader_record({id, cause});
}

TEST(StoreHistory, TheLatestLeaderComesFirst) {
  Feeder feeder;
  feeder.apply(EntryKind::kLeader, leader("a", LeaderCause::kStart), {5, 6});
  feeder.apply(EntryKind::kLeader, leader("b", LeaderCause::kCrash), {7, 8});
  const History history = feeder.store.history();
  ASSERT_EQ(history.changes.size(), 2U);
  EXPECT_EQ(history.changes[0], (LeaderChange{Index{3}, Term{1}, "b", LeaderCause::kCrash, {7, 8}}));
  EXPECT_EQ(history.changes[1], (LeaderChange{Index{2}, Term{1}, "a", LeaderCause::kStart, {5, 6}}));
  EXPECT_EQ(history.total, 2U);
}

TEST(StoreHistory, KeepsABoundedNumberAndCountsAll) {
  Feeder feeder;
  const size_t count = limits::kHistoryLeadersMax + 7;
  for (size_t i = 0; i < count; ++i) feeder.apply(EntryKind::kLeader, leader("n" + std::to_string(i)));
  const History history = feeder.store.history();
  EXPECT_EQ(history.changes.size(), limits::kHistoryLeadersMax);
  EXPECT_EQ(history.changes.front().leader, "n" + std::to_string(count - 1));
  EXPECT_EQ(history.changes.back().leader, "n7");
  EXPECT_EQ(history.total, count);
  EXPECT_EQ(feeder.store.leader_changes(), count);
}

// The history is state that every node shows, so nodes that show another must have another hash: in each of
// its parts.
TEST(StoreHistory, IsPartOfTheHash) {
  const auto hash = [](const NodeId& id, LeaderCause cause, uint64_t term, Stamp stamp) {
    Feeder feeder;
    (void)feeder.store.apply(
        {feeder.store.applied().next(), Term{term}, EntryKind::kLeader, stamp, Blob(leader(id, cause))});
    return feeder.store.hash();
  };
  const uint64_t one = hash("a", LeaderCause::kStart, 1, {1, 1});
  EXPECT_EQ(one, hash("a", LeaderCause::kStart, 1, {1, 1}));
  EXPECT_NE(one, hash("b", LeaderCause::kStart, 1, {1, 1}));
  EXPECT_NE(one, hash("a", LeaderCause::kCrash, 1, {1, 1}));
  EXPECT_NE(one, hash("a", LeaderCause::kStart, 2, {1, 1})) << "the term is shown";
  EXPECT_NE(one, hash("a", LeaderCause::kStart, 1, {1, 2})) << "the time is shown";
}

}  // namespace
}  // namespace patronus::store_test
