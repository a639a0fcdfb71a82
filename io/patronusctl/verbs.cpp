#include "io/patronusctl/verbs.h"

#include <utility>

#include "io/patronusctl/exit_codes.h"

namespace patronus::ctl {

void let_do(CLI::App* verb, const Connection& connection, std::function<int()>& run,
            std::function<int(Cluster&)> act) {
  verb->callback([&connection, &run, act = std::move(act)] {
    run = [&connection, act] {
      Cluster cluster(connection);
      if (cluster.fault()) {
        print_error(*cluster.fault());
        return kUsage;
      }
      return act(cluster);
    };
  });
}

Question get(std::string path) {
  Question question;
  question.path = std::move(path);
  return question;
}

const picojson::array& array_of(const picojson::value& object, const std::string& member) {
  static const picojson::array kNone;
  const picojson::value& value = object.get(member);
  return value.is<picojson::array>() ? value.get<picojson::array>() : kNone;
}

}  // namespace patronus::ctl
