"""Settings of ranking. `service.settings` joins them into the one table."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RankingSettings(BaseModel):
    """How two arms become one order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    depth: Annotated[
        int, Field(ge=1, le=1000, description="Candidates taken from each arm, whatever top_k a request asks for")
    ] = 100
    dense_weight: Annotated[
        float, Field(ge=0, le=1, description="Weight of the dense arm; the lexical arm has the rest")
    ] = 0.5
    dense_weight_chinese: Annotated[float, Field(ge=0, le=1, description="The same, for Chinese queries")] = 0.7
    band_width: Annotated[
        float,
        Field(
            ge=0, description="Fused scores within this of a band's best count as comparable, in standard deviations"
        ),
    ] = 0.1
    boost_weight: Annotated[
        float, Field(ge=0, description="What authority=boost adds for authority 1 against authority 0")
    ] = 0.5
