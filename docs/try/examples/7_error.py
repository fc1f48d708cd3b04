"""An error that says where"""

from autograd_core import Value, log, trace_creation

# Take the minus away, and it runs.
with trace_creation():
    x, y = Value(2.0, label="x"), Value(-3.0, label="y")
    loss = x * 4.0 + log(x * y)
loss.backward()
print(loss.data, x.grad, y.grad)
