import socket

import pytest

from app.operator_error import OperatorError
from app.ports import free_loopback_port, require_free_port


def test_a_free_port_is_accepted() -> None:
    require_free_port("127.0.0.1", free_loopback_port())


def test_a_port_that_somebody_listens_on_is_refused_with_what_to_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(OperatorError) as refusal:
            require_free_port("127.0.0.1", port)
    assert str(refusal.value) == f"port {port} is taken; set PORT to another"


def test_a_connection_lingering_after_its_server_does_not_count() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            served, _ = listener.accept()
            served.close()  # The side that closes first keeps the port in TIME_WAIT.
            assert client.recv(1) == b""
    with socket.socket() as plain, pytest.raises(OSError, match="in use"):
        plain.bind(("127.0.0.1", port))
    require_free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(OperatorError) as refusal:
        require_free_port("192.0.2.1", 8000)
    assert str(refusal.value) == "192.0.2.1 is not an address of this machine; set LAUREL_HOST to one that is"
