"""The developers' page: what is put into it cannot break out of it."""

import json
import re

from app.http.ide import ide_response


def test_a_query_cannot_end_the_script() -> None:
    query = '{ a(b: "</script><script>alert(1)</script><!-- {{nonce}} {{query}}") }'
    page = bytes(ide_response(query).body).decode()
    assert page.count("</script>") == 2
    found = re.search(r'id="start">(.*?)</script>', page)
    assert found is not None
    assert json.loads(found[1]) == query
