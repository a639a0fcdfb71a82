// What a node does once its image turns out to be damaged: it is written anew, of all there is, and until
// then nothing that made the state is given up.
#include <gtest/gtest.h>

#include "tests/lone_node.h"

namespace patronus::node_image_test {
namespace {

constexpr size_t kTail = 10;

void write(test::LoneNode& node, int writes) {
  for (int i = 0; i < writes; ++i) (void)node.write(PutOp{"n", "k" + std::to_string(i), Blob("v"), "", {}});
}

TEST(NodeImage, IsWrittenAnewAndTheLogIsKeptMeanwhile) {
  test::LoneNode node(test::LoneNode::with_image(kTail));
  write(node, 40);
  const Index before = (*node).raft().log().base_index();
  ASSERT_GT(before.value, 20U) << "the log is cut behind the image";
  node.holds_checkpoints = true;
  node.checkpoints.clear();
  node.damage_image();
  node.damage_image();
  EXPECT_EQ(node.image_faults.size(), 1U) << "once";
  ASSERT_FALSE(node.checkpoints.empty());
  EXPECT_TRUE(node.checkpoints.front().anew);
  EXPECT_TRUE(node.checkpoints.front().end);
  EXPECT_GT(node.checkpoints.front().rows.size(), 40U);
  write(node, 5);
  EXPECT_EQ((*node).raft().log().base_index(), before) << "it may be all that is left";
  node.holds_checkpoints = false;
  node.take_checkpoint();
  write(node, 1);
  EXPECT_GT((*node).raft().log().base_index(), before);
  EXPECT_FALSE(node.checkpoints.back().anew);
}

}  // namespace
}  // namespace patronus::node_image_test
