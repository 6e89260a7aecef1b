// How the API reaches the node: closures on the node's thread, between turns.
#pragma once

#include <functional>

#include "core/node/node.h"

namespace holdfast::http {

class NodeAccess {
 public:
  virtual ~NodeAccess() = default;
  // Runs the task and then a turn. Order is kept. After the node has ended the task is destroyed unrun.
  virtual void change(std::function<void(node::Node&)> task) = 0;
  // Runs the task; nothing in the node has to happen because of it.
  virtual void read(std::function<void(const node::Node&)> task) = 0;
};

}  // namespace holdfast::http
