"""An estate with its grid, sensors, and two grid workers who may sign in."""

from collections.abc import Mapping

import httpx

from api.sign_in import Passwords, Person, Tokens
from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.model import Role
from gridwatch.store import Store
from gridwatch.store.accounts import Account, put_accounts, token_secret
from gridwatch.store.areas import put_areas
from tests.api.incidents import register, sensor
from tests.api.serving import PASSWORD, Api

WORKERS = {"zhang": "张三", "li": "李四"}

ROSTER = """
    WITH one AS (INSERT INTO person (code, name, phone, username)
                 VALUES (%(code)s, %(name)s, %(phone)s, %(username)s) RETURNING key)
    INSERT INTO responsibility (person_key, area, rank) SELECT key, %(area)s, %(rank)s FROM one"""


async def settle(store: Store) -> None:
    """Fill an estate with sensors and two workers of its grid, and a neighbouring one that is not theirs."""
    await put_areas(
        store,
        [
            Area(code="c", level=AreaLevel.COMMUNITY, name="锦江社区"),
            Area(code="e", level=AreaLevel.ESTATE, name="锦竹苑", parent="c"),
            Area(code="g", level=AreaLevel.GRID, grid=GridKind.MICRO, name="锦竹苑一网格", parent="e"),
            Area(code="b", level=AreaLevel.BUILDING, name="3栋", parent="g"),
            Area(code="x", level=AreaLevel.ESTATE, name="梅园", parent="c"),
        ],
    )
    contact = {"address": "锦竹苑3栋2单元501", "telephone": "028 8580 0000"}
    await register(
        store,
        sensor("smoke-1", name="烟感1", area="b", **contact),
        sensor("lift-1", name="1号电梯", area="b", scene="elevator"),
        sensor("facade-1", name="东立面", area="b", scene="throwing"),
        sensor("other-1", name="梅园烟感", area="x"),
    )
    password_hash = await Passwords().hash(PASSWORD)
    accounts = [
        Account(username=one, password_hash=password_hash, role=Role.GRID_WORKER, area="c") for one in WORKERS
    ]
    await put_accounts(store, accounts, by="a test")
    for rank, (username, name) in enumerate(WORKERS.items(), start=1):
        given = {"code": f"w-{username}", "name": name, "phone": f"1390000000{rank}", "username": username}
        await store.execute(ROSTER, {**given, "area": "g", "rank": rank})
    of_estate = {"code": "w-estate", "name": "物业王", "phone": "13911112222", "username": None}
    await store.execute(ROSTER, {**of_estate, "area": "e", "rank": 1})


def workers(api: Api) -> Mapping[str, httpx.Client]:
    """Return a client for each worker, as a program would come."""

    async def tokens(store: Store) -> dict[str, str]:
        signer = Tokens(await token_secret(store))
        rows = await store.rows("SELECT username, epoch FROM account")
        epochs = {row["username"]: row["epoch"] for row in rows}
        return {
            one: signer.issue(Person(username=one, role=Role.GRID_WORKER, area="c", epoch=epochs[one]))
            for one in WORKERS
        }

    return {
        one: httpx.Client(base_url=api.url, headers={"Authorization": f"Bearer {token}"}, timeout=20)
        for one, token in api.stored(tokens).items()
    }
